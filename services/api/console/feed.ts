/**
 * Tells whoever watches of every change that arrives in the topic, whoever made it. It reads from the topic's end, in no
 * group, commits nothing, and reads only while it runs.
 * What it tells is bounded: of a burst the newest changes one by one and the number of the rest, and what comes faster
 * than it reads is passed over and counted. It tells ids and versions and no content: that is for the HTTP API to show.
 */
import { messageOf } from '../../platform/errors.ts';
import { promised } from '../../platform/kafka/calls.ts';
import { headerOf } from '../../platform/kafka/headers.ts';
import type { Message, NativeConsumer } from '../../platform/kafka/native.ts';
import type { KafkaConfig } from '../../platform/kafka/settings.ts';
import type { Logger } from '../../platform/logger.ts';
import { sleep, unlessAborted } from '../../platform/time.ts';
import type { PlacedEntity } from '../../pipeline/entity.ts';
import { idSchema } from '../../pipeline/id.ts';
import type { KafkaWatch } from './kafka-watch.ts';
import { createLazyConsumer } from './lazy-consumer.ts';

export interface FeedChange {
  readonly kind: 'created' | 'changed' | 'deleted';
  readonly id: string;
  readonly version: number;
}

export interface News {
  /** The newest change of each thing, in the order of the topic's partitions. */
  readonly changes: readonly FeedChange[];
  /** Changes besides, of which no more than their number is told. */
  readonly more: number;
}

export interface Feed {
  /** Reads until `signal` aborts; two runs never read at the same time. It does not throw: what fails begins again. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Whether every change from now on is told or counted. */
  readonly isFollowing: () => boolean;
  readonly close: () => Promise<void>;
}

export interface FeedOptions {
  readonly config: KafkaConfig;
  readonly entity: PlacedEntity;
  readonly watch: Pick<KafkaWatch, 'ends' | 'close'>;
  /** Told when it begins to follow, also after a break: what came before was missed. */
  readonly onFollowing: () => void;
  readonly onNews: (news: News) => void;
  readonly logger: Logger;
}

/** Between two looks: what comes meanwhile is told at once. */
const WINDOW_MS = 200;
/** A poll holds a thread of the process for so long when nothing is there; the client fetches in the background. */
const POLL_TIMEOUT_MS = 5;
/** Most records read in a window. With more, the feed goes on at the topic's end. */
const BATCH = 1_000;
/** Most changes of a window that are told one by one. */
const MAX_DETAILS = 50;
/** How often it looks for partitions that were added or have a leader again. */
const PARTITIONS_MS = 15_000;
const AFTER_ERROR_MS = 1_000;
/** After as many failures on end the watch's connection is replaced too: a client that has lost its brokers may not find them again. */
const FAILURES_TO_RECONNECT = 15;

export const createFeed = ({ config, entity, watch, onFollowing, onNews, logger }: FeedOptions): Feed => {
  const consumer = createLazyConsumer({ config, group: entity.group, logger });
  let running: Promise<void> = Promise.resolve();
  /** Of the run that follows now. */
  let following: AbortSignal | undefined;
  let failures = 0;

  /** Goes to the end of all partitions that have a leader. @returns where each goes on */
  const goToEnds = async (client: NativeConsumer): Promise<Map<number, number>> => {
    const ends = [...(await watch.ends())].flatMap(([partition, end]) =>
      end === undefined ? [] : [[partition, end] as const],
    );
    client.assign(ends.map(([partition, offset]) => ({ topic: entity.topic, partition, offset })));
    return new Map(ends);
  };

  const follow = async (signal: AbortSignal): Promise<void> => {
    const client = await unlessAborted(consumer.connected(), signal);
    if (client === undefined) return;
    client.setDefaultConsumeTimeout(POLL_TIMEOUT_MS);
    client.setDefaultIsTimeoutOnlyForFirstMessage(true);
    try {
      let next = await goToEnds(client);
      let lookedAt = performance.now();
      const begin = (): void => {
        following = signal;
        failures = 0;
        onFollowing();
      };
      begin();
      while (!signal.aborted) {
        const messages = await promised<Message[]>((done) => {
          client.consume(BATCH, done);
        });
        for (const { partition, offset } of messages) next.set(partition, offset + 1);
        let passed = 0;
        if (messages.length === BATCH) {
          const before = next;
          next = await goToEnds(client);
          for (const [partition, end] of next) passed += Math.max(0, end - (before.get(partition) ?? end));
        } else if (performance.now() - lookedAt > PARTITIONS_MS) {
          lookedAt = performance.now();
          const led = [...(await watch.ends())].filter(([, end]) => end !== undefined).length;
          if (led !== next.size) {
            next = await goToEnds(client);
            begin();
          }
        }
        const news = newsOf(messages, entity, passed);
        if (news !== undefined) onNews(news);
        await sleep(WINDOW_MS, signal);
      }
    } finally {
      following = undefined;
      if (client.isConnected()) client.unassign();
    }
  };

  return {
    run: (signal) => {
      running = running.then(async () => {
        while (!signal.aborted) {
          try {
            await follow(signal);
          } catch (error) {
            logger.debug({ reason: messageOf(error) }, 'could not follow the topic');
            // Whatever is wrong with this client, the next attempt begins with another one.
            await unlessAborted(consumer.close(), signal);
            failures += 1;
            if (failures % FAILURES_TO_RECONNECT === 0) await unlessAborted(watch.close(), signal);
            await sleep(AFTER_ERROR_MS, signal);
          }
        }
      });
      return running;
    },
    isFollowing: () => following?.aborted === false,
    close: consumer.close,
  };
};

/**
 * What a window of records tells; nothing when it tells nothing.
 * @param passed records that were passed over
 */
export const newsOf = (
  messages: readonly Message[],
  entity: Pick<PlacedEntity, 'types' | 'effects'>,
  passed = 0,
): News | undefined => {
  const changes = new Map<string, FeedChange>();
  for (const message of messages) {
    const change = changeOf(message, entity);
    if (change === undefined) continue;
    const before = changes.get(change.id);
    if (before !== undefined && before.version > change.version) continue;
    // What was created and changed within a window is new all the same.
    const kind = before?.kind === 'created' && change.kind === 'changed' ? 'created' : change.kind;
    changes.delete(change.id);
    changes.set(change.id, { ...change, kind });
  }
  if (changes.size === 0 && passed === 0) return undefined;
  const told = [...changes.values()].slice(-MAX_DETAILS);
  return { changes: told, more: changes.size - told.length + passed };
};

/** A record that no service wrote, and a tombstone, tell of no change. */
const changeOf = (
  message: Message,
  { types, effects }: Pick<PlacedEntity, 'types' | 'effects'>,
): FeedChange | undefined => {
  const type = headerOf(message, 'ce_type');
  const id = headerOf(message, 'ce_subject') ?? '';
  const [, version] = /:([1-9]\d{0,14})$/.exec(headerOf(message, 'ce_id') ?? '') ?? [];
  if (type === undefined || version === undefined || !idSchema.safeParse(id).success) return undefined;
  const isDeletion = Object.hasOwn(effects, type) && effects[type] === 'delete';
  const kind = isDeletion ? 'deleted' : type === types.created ? 'created' : 'changed';
  return { kind, id, version: Number(version) };
};
