/**
 * Reads the tasks topic again as a group of its own, and goes on where that group stopped.
 * Offsets are committed after their lines were written: a kill repeats what was in flight or not committed yet, and loses nothing; a stop by
 * signal repeats nothing. No group is joined, and a group that has members is refused: the broker takes offsets for a
 * group without members only.
 */
import { Committer } from '../../pipeline/consume/committer.ts';
import { progressOf } from '../../pipeline/consume/offsets.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Position } from '../cli/arguments.ts';
import type { Output } from '../cli/output.ts';
import type { PartitionEnds, PartitionRange, TopicReader } from '../../platform/kafka/reader.ts';
import { eventJson } from './event.ts';

export type ReplayStart =
  | { readonly kind: 'beginning' }
  | { readonly kind: 'time'; readonly timeMs: number }
  /** Partitions that are not named begin at their start. */
  | { readonly kind: 'offsets'; readonly positions: readonly Position[] };

/** `follow` has no end. */
export type ReplayEnd =
  { readonly kind: 'follow' } | { readonly kind: 'end' } | { readonly kind: 'time'; readonly timeMs: number };

export interface EventReplayOptions {
  readonly reader: TopicReader;
  readonly topic: string;
  readonly group: string;
  /** Where the group begins; it goes on where it stopped if it has read before, unless `restart`. */
  readonly start: ReplayStart;
  readonly restart: boolean;
  readonly end: ReplayEnd;
  readonly output: Output;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Called after each batch with the number of events written so far. */
  readonly onProgress?: (written: number) => void;
}

export interface EventReplaySummary {
  readonly written: number;
  /** Whether the group had read before, and this run went on from there. */
  readonly resumed: boolean;
  /** Whether everything asked for was written; false after a stop, or when the reader of the output went. */
  readonly complete: boolean;
}

const FLUSH_DEADLINE_MS = 10_000;

export const replayEvents = async (options: EventReplayOptions): Promise<EventReplaySummary> => {
  const { reader, topic, output, logger, signal, onProgress } = options;
  const { ranges, resumed } = await plan(options);
  const committer = new Committer({ commit: reader.commit, onFailure: () => undefined, logger });
  // Written down before anything is read: a run that is cut short at once goes on from the same place.
  committer.mark(ranges.map(({ partition, from }) => ({ topic, partition, offset: from })));
  let written = 0;
  let isHeard = true;
  for await (const batch of reader.read(topic, ranges, { signal })) {
    isHeard = await output.write(batch.map((message) => `${eventJson(message)}\n`).join(''));
    if (!isHeard) break;
    written += batch.length;
    committer.mark(progressOf(batch, new Array<boolean>(batch.length).fill(true)).commit);
    onProgress?.(written);
  }
  const flushed = committer.flush(FLUSH_DEADLINE_MS);
  await reader.pollWhile(flushed);
  if (!(await flushed)) {
    // Or it would try on for ever, with a client that is closed.
    committer.drop(ranges.map(({ partition }) => partition));
    throw new TaskstreamError(
      'broker_unavailable',
      `Kafka did not take the offsets of group ${options.group}: the next run may repeat the last events.`,
    );
  }
  return { written, resumed, complete: isHeard && !signal.aborted };
};

const plan = async (
  options: EventReplayOptions,
): Promise<{ readonly ranges: readonly PartitionRange[]; readonly resumed: boolean }> => {
  const { reader, topic, group, restart } = options;
  const ends = await reader.ends(topic);
  // Asked even for a restart, and before the members: the binding (1.10.1) crashed when it
  // described a group that the user may not see.
  const before = await reader.committed(
    topic,
    ends.map(({ partition }) => partition),
  );
  const { members } = await reader.group();
  if (members.length > 0) {
    throw new TaskstreamError(
      'invalid_configuration',
      `Group ${group} has ${members.length} member(s) that read for it now: stop them, or choose another --group.`,
    );
  }
  const committed = restart ? new Map<number, number>() : before;
  const start = await startOf(options, ends);
  const end = await endOf(options, ends);
  const ranges = ends.map(({ partition, low }): PartitionRange => {
    const from = Math.max(low, committed.get(partition) ?? start.get(partition) ?? low);
    const to = end?.get(partition);
    return { partition, from, ...(to === undefined ? {} : { to }) };
  });
  return { ranges, resumed: committed.size > 0 };
};

const startOf = async (
  { reader, topic, start }: EventReplayOptions,
  ends: readonly PartitionEnds[],
): Promise<ReadonlyMap<number, number>> => {
  switch (start.kind) {
    case 'beginning':
      return new Map();
    case 'time':
      return reader.offsetsAt(topic, ends, start.timeMs);
    case 'offsets':
      for (const { partition, offset } of start.positions) {
        const known = ends.find((candidate) => candidate.partition === partition);
        if (known === undefined || offset < known.low || offset > known.high) {
          throw new TaskstreamError(
            'invalid_configuration',
            known === undefined
              ? `${topic} has no partition ${partition}.`
              : `Partition ${partition} of ${topic} has the offsets ${known.low} to ${known.high}, and not ${offset}.`,
          );
        }
      }
      return new Map(start.positions.map(({ partition, offset }) => [partition, offset]));
  }
};

const endOf = async (
  { reader, topic, end }: EventReplayOptions,
  ends: readonly PartitionEnds[],
): Promise<ReadonlyMap<number, number> | undefined> => {
  switch (end.kind) {
    case 'follow':
      return undefined;
    case 'end':
      return new Map(ends.map(({ partition, high }) => [partition, high]));
    case 'time':
      return reader.offsetsAt(topic, ends, end.timeMs);
  }
};
