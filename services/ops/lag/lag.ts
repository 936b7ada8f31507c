/** What waits for a consumer group: by partition, with the rates over a time and who reads it. */
import { sleep } from '../../platform/time.ts';
import type { GroupState } from '../../platform/kafka/group.ts';
import type { PartitionEnds, TopicReader } from '../../platform/kafka/reader.ts';
import { etaSeconds, rate } from '../cli/drain.ts';

export interface PartitionLag {
  readonly partition: number;
  /** Nothing, as for the lag and the rates, while the brokers that have the partition are away. */
  readonly end: number | null;
  /** Nothing while the group never committed: it will begin at the start of the partition. */
  readonly committed: number | null;
  readonly lag: number | null;
  /** Events a second. */
  readonly rateIn: number | null;
  readonly rateOut: number | null;
  readonly etaSeconds: number | null;
  /** Client that reads it, if any does. */
  readonly member: string | null;
}

export interface LagReport {
  readonly at: string;
  readonly topic: string;
  readonly group: string;
  readonly state: string;
  readonly members: GroupState['members'];
  readonly partitions: readonly PartitionLag[];
  /** Of the partitions that could be asked. */
  readonly total: {
    readonly lag: number;
    readonly rateIn: number;
    readonly rateOut: number;
    readonly etaSeconds: number | null;
    /** Partitions that could not be asked. */
    readonly unknown: number;
  };
}

interface Position {
  /** Nothing while the partition cannot be asked. */
  readonly ends: PartitionEnds | undefined;
  readonly committed: number | undefined;
}

interface Sample {
  readonly atMs: number;
  readonly partitions: ReadonlyMap<number, Position>;
}

/** Takes two samples, `intervalMs` apart. Nothing when `signal` aborts before the second. */
export const measureLag = async (
  reader: TopicReader,
  { topic, group, intervalMs, signal }: { topic: string; group: string; intervalMs: number; signal: AbortSignal },
): Promise<LagReport | undefined> => {
  const before = await take(reader, topic);
  await sleep(intervalMs, signal);
  if (signal.aborted) return undefined;
  const [after, state] = [await take(reader, topic), await reader.group()];
  const elapsedSeconds = (after.atMs - before.atMs) / 1_000;
  const partitions = [...after.partitions].map(([partition, now]): PartitionLag => {
    const then = before.partitions.get(partition) ?? now;
    const reader = state.members.find((candidate) => candidate.partitions.includes(partition));
    const rest = {
      partition,
      committed: now.committed ?? null,
      member: reader === undefined ? null : `${reader.clientId}@${reader.host}`,
    };
    const { ends } = now;
    if (ends === undefined) {
      return { ...rest, end: null, lag: null, rateIn: null, rateOut: null, etaSeconds: null };
    }
    const position = positionOf(ends, now.committed);
    const lag = Math.max(0, ends.high - position);
    const flow = {
      rateIn: rate((then.ends ?? ends).high, ends.high, elapsedSeconds),
      rateOut: rate(positionOf(then.ends ?? ends, then.committed), position, elapsedSeconds),
    };
    return { ...rest, end: ends.high, lag, ...flow, etaSeconds: etaSeconds(lag, flow) };
  });
  const sum = (field: 'lag' | 'rateIn' | 'rateOut') =>
    partitions.reduce((total, each) => total + (each[field] ?? 0), 0);
  const flow = { rateIn: sum('rateIn'), rateOut: sum('rateOut') };
  return {
    at: new Date().toISOString(),
    topic,
    group,
    ...state,
    partitions,
    total: {
      lag: sum('lag'),
      ...flow,
      etaSeconds: etaSeconds(sum('lag'), flow),
      unknown: partitions.filter(({ lag }) => lag === null).length,
    },
  };
};

/**
 * Where the group stands: without a commit at the start, and never before it. A commit beyond the end is of records that were
 * lost, or of another topic of that name: its reader begins at the start.
 */
const positionOf = ({ low, high }: PartitionEnds, committed = low): number =>
  committed > high ? low : Math.max(low, committed);

const take = async (reader: TopicReader, topic: string): Promise<Sample> => {
  const first = await reader.endsByPartition(topic);
  const committed = await reader.committed(topic, [...first.keys()]);
  // Under traffic a group passes ends that were asked before it: only later ones tell whether it is beyond them.
  const isBeyond = [...first].some(
    ([partition, each]) => each !== undefined && (committed.get(partition) ?? 0) > each.high,
  );
  const ends = isBeyond ? await reader.endsByPartition(topic) : first;
  return {
    atMs: performance.now(),
    partitions: new Map(
      [...ends].map(([partition, each]) => [partition, { ends: each, committed: committed.get(partition) }]),
    ),
  };
};
