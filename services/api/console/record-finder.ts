/**
 * Finds the record of a change in the topic: its partition, its offset, and when it was produced.
 * One consumer by direct assignment for all that is looked for; it reads only while something is, joins no group and
 * commits nothing.
 */
import { partitionOf } from '../../platform/kafka/partition.ts';
import { messageOf } from '../../platform/errors.ts';
import type { EntityNames } from '../../pipeline/entity.ts';
import type { KafkaConfig } from '../../platform/kafka/settings.ts';
import { toError, type Message, type NativeConsumer } from '../../platform/kafka/native.ts';
import type { Logger } from '../../platform/logger.ts';
import { sleep } from '../../platform/time.ts';
import type { KafkaWatch } from './kafka-watch.ts';
import { createLazyConsumer } from './lazy-consumer.ts';

export interface FoundRecord {
  readonly partition: number;
  readonly offset: number;
  /** When the relay produced it. */
  readonly producedAtMs: number;
  /** When the change was made, as the event says. */
  readonly changedAtMs: number;
}

export interface RecordFinder {
  /** Waits for the record of a task's version among those since `sinceMs`; nothing when `signal` aborts first. */
  find(id: string, version: number, sinceMs: number, signal: AbortSignal): Promise<FoundRecord | undefined>;
  close(): Promise<void>;
}

export interface RecordFinderOptions {
  readonly config: KafkaConfig;
  readonly task: Pick<EntityNames, 'topic' | 'group'>;
  readonly watch: Pick<KafkaWatch, 'offsetsAt'>;
  readonly logger: Logger;
}

const POLL_TIMEOUT_MS = 100;
const BATCH = 1_000;

type Found = (record: FoundRecord) => void;

export const createRecordFinder = ({ config, task, watch, logger }: RecordFinderOptions): RecordFinder => {
  const consumer = createLazyConsumer({ config, group: task.group, logger });
  /** Who waits for which event. */
  const wanted = new Map<string, Set<Found>>();
  /** Where to read on in each partition. */
  const next = new Map<number, number>();
  let moved = false;
  let closing = false;
  let running: Promise<void> | undefined;
  const isClosing = (): boolean => closing;
  const hasMoved = (): boolean => moved;

  const connected = async (): Promise<NativeConsumer> => {
    const client = await consumer.connected();
    client.setDefaultConsumeTimeout(POLL_TIMEOUT_MS);
    client.setDefaultIsTimeoutOnlyForFirstMessage(true);
    return client;
  };

  const report = (message: Message): void => {
    const id = headerOf(message, 'ce_id');
    const waiting = id === undefined ? undefined : wanted.get(id);
    if (id === undefined || waiting === undefined) return;
    wanted.delete(id);
    const { partition, offset, timestamp } = message;
    const changedAtMs = Date.parse(headerOf(message, 'ce_time') ?? '');
    for (const found of waiting) found({ partition, offset, producedAtMs: timestamp ?? changedAtMs, changedAtMs });
  };

  /** Reads until nobody waits any more. */
  const read = async (): Promise<void> => {
    const client = await connected();
    try {
      while (wanted.size > 0 && !isClosing()) {
        if (moved) {
          moved = false;
          client.assign([...next].map(([partition, offset]) => ({ topic: task.topic, partition, offset })));
        }
        for (const message of await consume(client)) {
          report(message);
          // Somebody may have gone back in the meantime.
          if (!hasMoved()) next.set(message.partition, message.offset + 1);
        }
      }
    } finally {
      client.unassign();
      next.clear();
    }
  };

  const run = (): void => {
    running ??= read()
      .catch((error: unknown) => {
        logger.debug({ reason: messageOf(error) }, 'could not look for a record');
        // Whatever is wrong with this client, the next search begins with another one.
        return consumer.close();
      })
      .finally(() => {
        running = undefined;
        // Somebody came between the last read and the end.
        if (wanted.size > 0 && moved && !isClosing()) run();
      });
  };

  return {
    find: async (id, version, sinceMs, signal) => {
      const offsets = await watch.offsetsAt(sinceMs);
      const partition = partitionOf(id, offsets.size);
      const start = offsets.get(partition);
      if (start === undefined || signal.aborted) return undefined;
      const eventId = `${id}:${version}`;
      return new Promise((resolve) => {
        const waiting = wanted.get(eventId) ?? new Set<Found>();
        wanted.set(eventId, waiting.add(resolve));
        signal.addEventListener('abort', () => {
          waiting.delete(resolve);
          if (waiting.size === 0 && wanted.get(eventId) === waiting) wanted.delete(eventId);
          resolve(undefined);
        });
        next.set(partition, Math.min(start, next.get(partition) ?? start));
        moved = true;
        run();
      });
    },
    close: async () => {
      closing = true;
      // Reading ends with the poll that is under way. What still connects does not end by itself.
      await Promise.race([running, sleep(2 * POLL_TIMEOUT_MS)]);
      await consumer.close();
      await running;
      closing = false;
    },
  };
};

const consume = (client: NativeConsumer): Promise<Message[]> =>
  new Promise((resolve, reject) => {
    client.consume(BATCH, (error: unknown, messages) => {
      if (error) reject(toError(error));
      else resolve(messages);
    });
  });

const headerOf = (message: Message, name: string): string | undefined => {
  const value = message.headers?.find((header) => name in header)?.[name];
  return value === undefined ? undefined : String(value);
};
