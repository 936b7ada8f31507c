/**
 * The topic after it grew. The events of a key that has moved stay in its old partition, and no tombstone will ever follow
 * them there: compaction keeps the last one for ever, and a reader of everything meets what was deleted long ago.
 * So the newest state of what moved is published where it belongs now, and its old place gets a tombstone. That tombstone
 * names no version: it is about the partition, and deletes nothing anywhere else.
 */
import { escapeIdentifier, type Pool } from 'pg';
import { TaskstreamError } from '../../platform/errors.ts';
import { partitionOf } from '../../platform/kafka/partition.ts';
import type { KafkaProducer } from '../../platform/kafka/producer.ts';
import type { PartitionEnds, TopicReader } from '../../platform/kafka/reader.ts';
import { sleep } from '../../platform/time.ts';
import type { PlacedEntity } from '../entity.ts';
import { isRowId } from '../rows.ts';
import { isPublished, lastInOutbox } from '../write/outbox.ts';

export interface RepartitionOptions {
  readonly pool: Pool;
  readonly entity: PlacedEntity;
  readonly reader: Pick<TopicReader, 'ends' | 'read'>;
  readonly producer: Pick<KafkaProducer, 'send'>;
  /** Longest wait for the relay to publish a part, in milliseconds. */
  readonly publishTimeoutMs: number;
  readonly signal: AbortSignal;
  /** Called after each partition, with what was done so far. */
  readonly onProgress: (progress: Repartitioned & { readonly partition: number; readonly partitions: number }) => void;
}

export interface Repartitioned {
  /** Keys that had moved, and whose old events were in their old place. */
  readonly moved: number;
  /** Those of them that have a row, which was published again. */
  readonly published: number;
}

/** Rows that wait in the outbox at a time. */
const AT_ONCE = 1_000;
const POLL_MS = 200;

/**
 * Safe to repeat, and to stop: what is done stays done.
 * @throws TaskstreamError `precondition_failed` when the relay publishes into old places still, or not at all
 */
export const repartition = async (options: RepartitionOptions): Promise<Repartitioned> => {
  const { entity, reader, producer, signal, onProgress } = options;
  const { topic } = entity;
  const ends = await reader.ends(topic);
  const count = ends.length;
  let moved = 0;
  let published = 0;
  for (const [position, end] of ends.entries()) {
    const keys = await movedKeys(options, end, count);
    const republished = new Set<string>();
    for (let from = 0; from < keys.length; from += AT_ONCE) {
      signal.throwIfAborted();
      for (const id of await publishAgain(options, keys.slice(from, from + AT_ONCE))) republished.add(id);
    }
    await requireArrival(options, ends, republished);
    const failed = (
      await producer.send(
        topic,
        keys.map((key) => ({ key, value: null, headers: [], partition: end.partition })),
      )
    ).find((outcome) => outcome !== undefined);
    if (failed !== undefined) {
      throw new TaskstreamError('broker_unavailable', `Kafka did not take the tombstones: ${failed.message}`, {
        cause: failed,
        retriable: true,
      });
    }
    moved += keys.length;
    published += republished.size;
    onProgress({ moved, published, partition: position + 1, partitions: count });
  }
  return { moved, published };
};

/** Keys that belong elsewhere now, and whose last record here is no tombstone. */
const movedKeys = async (
  { entity: { topic }, reader, signal }: RepartitionOptions,
  { partition, low, high }: PartitionEnds,
  count: number,
): Promise<string[]> => {
  const keys = new Set<string>();
  for await (const messages of reader.read(topic, [{ partition, from: low, to: high }], { signal })) {
    for (const { key, value } of messages) {
      const id = key?.toString() ?? '';
      // Another key is nothing that the relay wrote.
      if (!isRowId(id) || partitionOf(id, count) === partition) continue;
      if (value === null) keys.delete(id);
      else keys.add(id);
    }
  }
  signal.throwIfAborted();
  return [...keys];
};

/**
 * By the outbox, under the row's lock: an event that is published later has a later version. Waits until the relay has
 * published them.
 * @returns the ids that have a row
 */
const publishAgain = async (
  { pool, entity, publishTimeoutMs, signal }: RepartitionOptions,
  ids: readonly string[],
): Promise<readonly string[]> => {
  const { table, rowToJson, types, topic } = entity;
  const { rows } = await pool.query<{ id: string }>(
    `WITH locked AS MATERIALIZED (
       SELECT t.id, t.version, ${rowToJson}(t) AS json FROM ${escapeIdentifier(table)} AS t WHERE t.id = ANY($1::uuid[])
       ORDER BY t.id FOR NO KEY UPDATE
     ), published AS (
       INSERT INTO outbox (topic, type, task_id, version, task)
       SELECT $2, '${types.updated}', id, version, json FROM locked
     )
     SELECT id FROM locked`,
    [ids, topic],
  );
  const deadline = performance.now() + publishTimeoutMs;
  const last = await lastInOutbox(pool);
  while (!(await isPublished(pool, ids, last))) {
    if (performance.now() > deadline) {
      throw new TaskstreamError(
        'precondition_failed',
        `The relay has not published them within ${publishTimeoutMs / 1_000} s: look at ops outbox, and run this again.`,
        { retriable: true },
      );
    }
    await sleep(POLL_MS, signal);
    signal.throwIfAborted();
  }
  return rows.map(({ id }) => id);
};

/**
 * Makes sure that what was published again is where it belongs: a producer learns of new partitions only every five
 * minutes, and before that the tombstone would follow the newest event of all.
 * @param before ends of the topic before anything was published
 */
const requireArrival = async (
  { entity: { topic }, reader, signal }: RepartitionOptions,
  before: readonly PartitionEnds[],
  ids: ReadonlySet<string>,
): Promise<void> => {
  if (ids.size === 0) return;
  const missing = new Set(ids);
  const now = new Map((await reader.ends(topic)).map(({ partition, high }) => [partition, high]));
  const ranges = before.map(({ partition, high }) => ({ partition, from: high, to: now.get(partition) ?? high }));
  for await (const messages of reader.read(topic, ranges, { signal })) {
    for (const { key, partition } of messages) {
      const id = key?.toString() ?? '';
      if (partitionOf(id, before.length) === partition) missing.delete(id);
    }
  }
  signal.throwIfAborted();
  if (missing.size > 0) {
    throw new TaskstreamError(
      'precondition_failed',
      `The relay publishes into old places still, ${missing.size} of ${ids.size}: it learns of new partitions within five ` +
        'minutes, or when the API is restarted. Nothing is lost; run this again then.',
      { retriable: true },
    );
  }
};
