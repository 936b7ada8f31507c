/** Dead letters for the console: listed, replayed and discarded as `ops dlq` does it, one at a time. */
import type { Client, Pool } from 'pg';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { createProducer } from '../../platform/kafka/producer.ts';
import type { KafkaConfig } from '../../platform/kafka/settings.ts';
import type { Logger } from '../../platform/logger.ts';
import { createClient, type PostgresConfig } from '../../platform/postgres.ts';
import { lineOf } from '../../platform/printable.ts';
import { withDeadline } from '../../platform/time.ts';
import {
  discardDeadLetters,
  isOpen,
  takeTurn,
  withLastActions,
  type ActionState,
  type TrackedDeadLetter,
} from '../../pipeline/dead-letters/actions.ts';
import { deadLetterOf } from '../../pipeline/dead-letters/dead-letter.ts';
import { findDeadLetters } from '../../pipeline/dead-letters/find.ts';
import { deadLetterJson } from '../../pipeline/dead-letters/json.ts';
import { replayDeadLetters } from '../../pipeline/dead-letters/replay.ts';
import type { PlacedEntity } from '../../pipeline/entity.ts';
import { MAX_EVENT_BYTES } from '../../pipeline/topics.ts';
import { readRecord } from './record-content.ts';
import type { TopicReading } from './topic-reading.ts';

export type ShownDeadLetter = ReturnType<typeof deadLetterJson>;

export interface DeadLetterList {
  /** The newest open ones, newest first. */
  readonly letters: readonly ShownDeadLetter[];
  /** How many are open among those that were looked at. */
  readonly open: number;
  /** Whether all were looked at: of many, only the newest are. */
  readonly isWhole: boolean;
}

export interface Done {
  readonly state: ActionState;
  /** Why it came out so, where that needs words. */
  readonly result: string | null;
}

interface Place {
  readonly partition: number;
  readonly offset: number;
}

export interface DeadLetters {
  readonly list: () => Promise<DeadLetterList>;
  /**
   * @param actor who does it, for the audit trail
   * @throws TaskstreamError `record_not_found`, `precondition_failed` when it is dealt with already, or `console_unavailable`
   */
  readonly replay: (place: Place, actor: string) => Promise<Done>;
  /** @throws as above */
  readonly discard: (place: Place, actor: string) => Promise<Done>;
}

export interface DeadLettersOptions {
  readonly config: KafkaConfig & PostgresConfig;
  readonly entity: PlacedEntity;
  readonly pool: Pool;
  readonly reading: TopicReading;
  readonly logger: Logger;
}

/** Records of each partition that are looked at: a flood of dead letters is for `ops dlq`. */
const NEWEST = 2_000;
const MOST_SHOWN = 100;
/** Longest text of a dead letter in the list, in UTF-16 code units. */
const MAX_TEXT = 500;
/** As long as `ops dlq` waits: the record that the broker does not confirm by then has failed. */
const DELIVERY_TIMEOUT_MS = 10_000;
const FLUSH_MS = 1_000;
const CLOSE_MS = 3_000;

export const createDeadLetters = ({ config, entity, pool, reading, logger }: DeadLettersOptions): DeadLetters => {
  const topic = entity.deadLetterTopic;

  let isBusy = false;

  /** A connection of its own, with which the turn ends; one at a time. */
  const withTurn = async <T>(use: (client: Client) => Promise<T>): Promise<T> => {
    if (isBusy)
      throw new TaskstreamError('console_unavailable', 'Another one is just being done.', { retriable: true });
    isBusy = true;
    const client = createClient(config, 'taskstream-console');
    try {
      await client.connect();
      await takeTurn(client).catch((error: unknown) => {
        if (!(error instanceof TaskstreamError)) throw error;
        throw new TaskstreamError('console_unavailable', error.message, { retriable: true });
      });
      return await use(client);
    } finally {
      isBusy = false;
      await withDeadline(client.end(), CLOSE_MS, 'closing the connection').catch((error: unknown) => {
        logger.warn({ reason: messageOf(error) }, 'a connection of the console is left behind');
      });
    }
  };

  /** The dead letter at a place, still open, while nobody else replays or discards. */
  const withOpen = async (
    { partition, offset }: Place,
    use: (tracked: TrackedDeadLetter, client: Client) => Promise<Done>,
  ): Promise<Done> => {
    const message = await reading.read((reader, signal) => readRecord(reader, topic, { partition, offset }, signal));
    return withTurn(async (client) => {
      const [tracked] = await withLastActions(client, topic, [deadLetterOf(message)]);
      if (tracked === undefined || !isOpen(tracked)) {
        const { state = 'dealt with', actor = 'somebody' } = tracked?.last ?? {};
        throw new TaskstreamError('precondition_failed', `This dead letter is ${state} already, by ${lineOf(actor)}.`);
      }
      return use(tracked, client);
    });
  };

  return {
    list: async () => {
      const { found, isWhole } = await reading.read(async (reader, signal) => {
        const ends = await reader.ends(topic);
        const deadLetters = [];
        for await (const batch of findDeadLetters({ reader, topic, filter: {}, signal, newest: NEWEST })) {
          // Without the bytes: they are asked for one by one.
          deadLetters.push(
            ...batch.map((each) => ({ ...each, message: { ...each.message, value: null, headers: [] } })),
          );
        }
        return { found: deadLetters, isWhole: ends.every(({ low, high }) => high - low <= NEWEST) };
      });
      const tracked = await withLastActions(pool, topic, found);
      const open = tracked.filter(isOpen).sort((a, b) => b.deadLetter.atMs - a.deadLetter.atMs);
      return { letters: open.slice(0, MOST_SHOWN).map(toShown), open: open.length, isWhole };
    },
    replay: (place, actor) =>
      withOpen(place, async (tracked, client) => {
        const options = { clientId: 'taskstream-console', logger, deliveryTimeoutMs: DELIVERY_TIMEOUT_MS };
        const producer = await createProducer(
          config,
          { ...options, maxMessageBytes: MAX_EVENT_BYTES },
          AbortSignal.timeout(DELIVERY_TIMEOUT_MS),
        ).catch((error: unknown) => {
          throw new TaskstreamError('console_unavailable', 'Kafka does not answer: nothing was replayed.', {
            ...{ cause: error, retriable: true },
          });
        });
        try {
          const [outcome] = await replayDeadLetters({ client, producer, entity, actor }, [tracked]);
          return { state: outcome?.state ?? 'failed', result: outcome?.result ?? null };
        } finally {
          await producer.disconnect(FLUSH_MS);
        }
      }),
    discard: (place, actor) =>
      withOpen(place, async ({ deadLetter }, client) => {
        await discardDeadLetters(client, [deadLetter], { deadLetterTopic: topic, actor, note: null });
        return { state: 'discarded', result: null };
      }),
  };
};

/** Whoever may write to a topic chooses these texts. */
const toShown = (tracked: TrackedDeadLetter): ShownDeadLetter => {
  const shown = deadLetterJson(tracked);
  const { reason, error, task, source, last } = shown;
  return {
    ...shown,
    ...{ reason: line(reason), error: line(error), task: task && line(task) },
    source: { ...source, topic: source.topic && line(source.topic) },
    last: last && { ...last, result: last.result && line(last.result) },
  };
};

const line = (text: string): string => lineOf(text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);
