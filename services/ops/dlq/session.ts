/** What the `dlq` commands need, for their length: the topic and the table. */
import type { Client } from 'pg';
import { TaskstreamError } from '../../platform/errors.ts';
import type { KafkaProducer } from '../../platform/kafka/producer.ts';
import type { PlacedEntity } from '../../pipeline/entity.ts';
import { placeTask } from '../../task/env.ts';
import { readDeadLettersConfig } from '../env.ts';
import { withDatabase } from '../cli/database.ts';
import type { TopicReader } from '../../platform/kafka/reader.ts';
import { withProducer } from '../cli/with-producer.ts';
import { withReader } from '../cli/with-reader.ts';
import { stopSignal } from '../cli/stop-signal.ts';
import { withLastActions, takeTurn, type TrackedDeadLetter } from '../../pipeline/dead-letters/actions.ts';
import { findDeadLetters, type DeadLetterFilter } from '../../pipeline/dead-letters/find.ts';

export interface DeadLetterSession {
  readonly entity: PlacedEntity;
  readonly client: Client;
  readonly reader: TopicReader;
  readonly signal: AbortSignal;
  /** Letters that the filter lets through, with what was done about them. */
  readonly deadLetters: (filter: DeadLetterFilter, maxBatch?: number) => AsyncGenerator<readonly TrackedDeadLetter[]>;
  /** Makes sure that no other operator replays or discards at the same time. */
  readonly takeTurn: () => Promise<void>;
  /** Connects a producer, and closes it whatever happens. */
  readonly withProducer: <T>(use: (producer: KafkaProducer) => Promise<T>) => Promise<T>;
}

/** A record that the broker does not confirm within this time has failed; its task cannot be changed meanwhile. */
const DELIVERY_TIMEOUT_MS = 10_000;

export const withDeadLetters = async <T>(use: (session: DeadLetterSession) => Promise<T>): Promise<T> => {
  const config = readDeadLettersConfig(process.env);
  const entity = placeTask(config);
  const signal = stopSignal();
  return withDatabase(config, 'taskstream-ops-dlq', async (client) => {
    await requireTable(client);
    return withReader(config, { signal }, (reader, logger) =>
      use({
        entity,
        client,
        reader,
        signal,
        deadLetters: async function* (filter, maxBatch) {
          const topic = entity.deadLetterTopic;
          const options = { reader, topic, filter, signal, ...(maxBatch === undefined ? {} : { maxBatch }) };
          for await (const batch of findDeadLetters(options)) yield await withLastActions(client, topic, batch);
        },
        takeTurn: () => takeTurn(client),
        withProducer: (useProducer) =>
          withProducer(config, { logger, deliveryTimeoutMs: DELIVERY_TIMEOUT_MS, signal }, useProducer),
      }),
    );
  });
};

const requireTable = async (client: Client): Promise<void> => {
  const { rows } = await client.query<{ there: boolean }>(
    `SELECT to_regclass('dead_letter_actions') IS NOT NULL AS there`,
  );
  if (rows[0]?.there !== true) {
    throw new TaskstreamError(
      'invalid_configuration',
      'The database has no table dead_letter_actions: run `ops migrate` first.',
    );
  }
};
