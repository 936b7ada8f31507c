/** What waits for a consumer group: by partition, with the rates over a time and who reads it. */
import { sleep } from '../../platform/time.ts';
import type { GroupState } from '../../platform/kafka/group.ts';
import type { TopicReader } from '../../platform/kafka/reader.ts';
import { etaSeconds, rate } from '../cli/drain.ts';

export interface PartitionLag {
  readonly partition: number;
  readonly end: number;
  /** Nothing while the group never committed: it will begin at the start of the partition. */
  readonly committed: number | null;
  readonly lag: number;
  /** Events a second. */
  readonly rateIn: number;
  readonly rateOut: number;
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
  readonly total: Pick<PartitionLag, 'lag' | 'rateIn' | 'rateOut' | 'etaSeconds'>;
}

interface Sample {
  readonly atMs: number;
  readonly partitions: ReadonlyMap<
    number,
    { readonly low: number; readonly end: number; readonly committed: number | undefined }
  >;
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
    const lag = Math.max(0, now.end - position(now));
    const flow = {
      rateIn: rate(then.end, now.end, elapsedSeconds),
      rateOut: rate(position(then), position(now), elapsedSeconds),
    };
    const member = state.members.find((candidate) => candidate.partitions.includes(partition));
    return {
      partition,
      end: now.end,
      committed: now.committed ?? null,
      lag,
      ...flow,
      etaSeconds: etaSeconds(lag, flow),
      member: member === undefined ? null : `${member.clientId}@${member.host}`,
    };
  });
  const sum = (field: 'lag' | 'rateIn' | 'rateOut') => partitions.reduce((total, each) => total + each[field], 0);
  const flow = { rateIn: sum('rateIn'), rateOut: sum('rateOut') };
  return {
    at: new Date().toISOString(),
    topic,
    group,
    ...state,
    partitions,
    total: { lag: sum('lag'), ...flow, etaSeconds: etaSeconds(sum('lag'), flow) },
  };
};

/** Where the group stands: without a commit at the start, and never before it. */
const position = ({ low, committed }: { low: number; committed: number | undefined }): number =>
  Math.max(low, committed ?? low);

const take = async (reader: TopicReader, topic: string): Promise<Sample> => {
  const ends = await reader.ends(topic);
  const committed = await reader.committed(
    topic,
    ends.map(({ partition }) => partition),
  );
  return {
    atMs: performance.now(),
    partitions: new Map(
      ends.map(({ partition, low, high }) => [partition, { low, end: high, committed: committed.get(partition) }]),
    ),
  };
};
