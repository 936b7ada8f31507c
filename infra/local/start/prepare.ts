/** Before the services start: the topics, the tables and the index. */
import { join } from 'node:path';
import { UserError } from '../bootstrap/fail.mjs';
import { describeDeath, startChild } from '../child.ts';
import { createTopics } from '../topics.ts';
import type { Steps } from './steps.ts';

/** Where the servers are, as the variables that every service reads. */
export interface ServerUrls {
  readonly DATABASE_URL: string;
  readonly KAFKA_BROKERS: string;
  readonly ELASTICSEARCH_URL: string;
  /** Where there are nodes for copies of the index. */
  readonly INDEX_REPLICAS?: string;
}

/** @throws UserError when a server refuses */
export const prepare = async (urls: ServerUrls, dataDir: string, steps: Steps): Promise<void> => {
  await Promise.all([
    ensureTopics(urls.KAFKA_BROKERS).then((created) => {
      if (created) steps.done('topics');
      else steps.note('topics: left to whoever runs this Kafka, as it wants TLS or SASL');
    }),
    migrate(urls, dataDir).then(() => {
      steps.done('tables and index');
    }),
  ]);
};

/** Says whether the topics were created. A Kafka with TLS or SASL has an owner, who creates them. */
const ensureTopics = async (brokers: string): Promise<boolean> => {
  const { KAFKA_TLS = 'false', KAFKA_SASL_MECHANISM = 'none' } = process.env;
  if (KAFKA_TLS === 'true' || KAFKA_SASL_MECHANISM !== 'none') return false;
  try {
    await createTopics(brokers);
    return true;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(
      `The topics could not be created on ${brokers} (${reason}): check that Kafka is reachable there.`,
      {
        cause,
      },
    );
  }
};

const migrate = async (urls: ServerUrls, dataDir: string): Promise<void> => {
  const child = await startChild({
    name: 'The migration',
    command: process.execPath,
    args: ['--import', 'tsx', 'services/ops/main.ts', 'migrate'],
    env: { ...urls },
    logFile: join(dataDir, 'logs/migrate.log'),
  });
  const exit = await child.exited;
  if (exit.code !== 0) throw new UserError(describeDeath(child, exit));
};
