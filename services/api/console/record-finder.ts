/**
 * Finds the record of a change in the topic: its partition, its offset, and when it was produced.
 * One consumer by direct assignment for all that is looked for; it reads only while something is, joins no group and
 * commits nothing.
 */
import { crc32 } from 'node:zlib';
import { connectionSettings, type KafkaConfig } from '../../shared/kafka.ts';
import {
  connectPatiently,
  createNativeConsumer,
  disconnectClient,
  toError,
  type Message,
  type NativeConsumer,
} from '../../shared/kafka-native.ts';
import { messageOf, TaskstreamError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import type { KafkaWatch } from './kafka-watch.ts';

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
  readonly watch: Pick<KafkaWatch, 'offsetsAt'>;
  readonly logger: Logger;
}

const POLL_TIMEOUT_MS = 100;
const BATCH = 1_000;

type Found = (record: FoundRecord) => void;

export const createRecordFinder = ({ config, watch, logger }: RecordFinderOptions): RecordFinder => {
  /** Who waits for which event. */
  const wanted = new Map<string, Set<Found>>();
  /** Where to read on in each partition. */
  const next = new Map<number, number>();
  let moved = false;
  let stop = new AbortController();
  let running: Promise<void> | undefined;
  let client: NativeConsumer | undefined;
  const stopped = (): boolean => stop.signal.aborted;
  const hasMoved = (): boolean => moved;

  const connected = async (): Promise<NativeConsumer> => {
    if (client !== undefined) return client;
    client = await connectPatiently('Kafka consumer of the console', () => create(config), logger, stop.signal);
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
    const consumer = await connected();
    try {
      while (wanted.size > 0 && !stopped()) {
        if (moved) {
          moved = false;
          consumer.assign([...next].map(([partition, offset]) => ({ topic: config.TASKS_TOPIC, partition, offset })));
        }
        for (const message of await consume(consumer)) {
          report(message);
          // Somebody may have gone back in the meantime.
          if (!hasMoved()) next.set(message.partition, message.offset + 1);
        }
      }
    } finally {
      consumer.unassign();
      next.clear();
    }
  };

  const run = (): void => {
    running ??= read()
      .catch((error: unknown) => {
        logger.debug({ reason: messageOf(error) }, 'could not look for a record');
        // Whatever is wrong with this client, the next search begins with another one.
        const broken = client;
        client = undefined;
        return broken === undefined ? undefined : disconnectClient(broken);
      })
      .finally(() => {
        running = undefined;
        // Somebody came between the last look and the end.
        if (wanted.size > 0 && moved && !stopped()) run();
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
      stop.abort(new TaskstreamError('stopped', 'nobody looks at the console'));
      await running;
      stop = new AbortController();
      const open = client;
      client = undefined;
      if (open !== undefined) await disconnectClient(open);
    },
  };
};

const create = (config: KafkaConfig): NativeConsumer =>
  createNativeConsumer({
    ...connectionSettings(config, 'taskstream-console'),
    // The client wants a name; no group is ever joined.
    'group.id': 'taskstream-console',
    'enable.auto.commit': false,
    'enable.auto.offset.store': false,
    'allow.auto.create.topics': false,
    // An event is looked for that somebody watches: it should not wait for others to fill a response.
    'fetch.wait.max.ms': 20,
    'queued.max.messages.kbytes': 4_096,
    log_level: 4,
    event_cb: true,
  });

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

/**
 * The partition that the relay's producer chooses for a key: librdkafka's default partitioner `consistent_random`,
 * CRC-32 of the key modulo the number of partitions. Source: librdkafka, CONFIGURATION.md, `partitioner`.
 */
export const partitionOf = (key: string, partitions: number): number => crc32(key) % partitions;
