/** What the log says of single tasks: the newest version of each, from the whole topic. */
import { z } from 'zod';
import type { EntityNames } from '../entity.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import { connectionSettings, type KafkaConfig } from '../../platform/kafka/settings.ts';
import {
  connectClient,
  createNativeConsumer,
  disconnectConsumer,
  toError,
  type Message,
  type NativeConsumer,
} from '../../platform/kafka/native.ts';

/** Only what is needed of any event: also of a type that this version does not know. */
const versioned = z.object({ value: z.object({ version: z.int().positive() }) });

/** librdkafka's OFFSET_BEGINNING. */
const BEGINNING = -2;
const CONNECT_TIMEOUT_MS = 10_000;
const POLL_TIMEOUT_MS = 500;
const RECORDS_AT_ONCE = 1_000;
/** A broker that sends nothing for so long will not. */
const SILENCE_MS = 30_000;

/**
 * Reads every partition to its present end, as no member of any group.
 * The group is only named: nothing is joined and nothing committed.
 */
export const loggedVersions = async (
  config: KafkaConfig,
  { topic, group }: Pick<EntityNames, 'topic' | 'group'>,
  partitions: Iterable<number>,
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, number>> => {
  const consumer = createNativeConsumer({
    ...connectionSettings(config, 'taskstream-verify'),
    'group.id': group,
    'enable.auto.commit': false,
    'enable.partition.eof': true,
    'queued.max.messages.kbytes': 16_384,
    log_level: 0,
  });
  await connectClient(consumer, CONNECT_TIMEOUT_MS);
  try {
    const open = new Set(partitions);
    // The last offsets of a compacted partition may be gone: only the broker knows where it ends.
    consumer.on('partition.eof', ({ partition }) => open.delete(partition));
    consumer.setDefaultConsumeTimeout(POLL_TIMEOUT_MS);
    consumer.setDefaultIsTimeoutOnlyForFirstMessage(true);
    consumer.assign([...open].map((partition) => ({ topic, partition, offset: BEGINNING })));
    const newest = new Map<string, number>();
    let heardAt = performance.now();
    while (open.size > 0) {
      const messages = await consume(consumer);
      if (messages.length > 0) heardAt = performance.now();
      else if (performance.now() - heardAt > SILENCE_MS) {
        throw new TaskstreamError('broker_unavailable', `Kafka does not send the end of ${topic}`);
      }
      for (const { key, value } of messages) {
        const id = key?.toString() ?? '';
        if (!ids.has(id)) continue;
        const version = versionIn(value);
        if (version > (newest.get(id) ?? 0)) newest.set(id, version);
      }
    }
    return newest;
  } finally {
    consumer.unassign();
    await disconnectConsumer(consumer);
  }
};

const consume = (consumer: NativeConsumer): Promise<Message[]> =>
  new Promise((resolve, reject) => {
    consumer.consume(RECORDS_AT_ONCE, (error: unknown, messages: Message[]) => {
      if (error) reject(toError(error));
      else resolve(messages);
    });
  });

/** 0 for a tombstone, and for what is no event: no indexer makes anything of it either. */
const versionIn = (value: Message['value']): number => {
  try {
    return versioned.parse(JSON.parse(String(value))).value.version;
  } catch {
    return 0;
  }
};
