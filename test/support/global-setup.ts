/**
 * The servers of a test run: started on free ports with their data in a temporary folder, and stopped at its end.
 * Servers that run already (`npm run dev:servers`) are used when `TEST_DATABASE_URL`, `TEST_KAFKA_BROKERS` or
 * `TEST_ELASTICSEARCH_URL` names them. Tests isolate themselves by database, topic and index name.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import type { TestProject } from 'vitest/node';
import { startServers, stopServers } from '../../infra/local/servers.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A superuser's URL: each test file makes a database of its own. */
    databaseUrl: string;
    /** `host:port` of the bootstrap broker. */
    kafkaBrokers: string;
    elasticsearchUrl: string;
  }
}

/** Starts what is not given; returns the teardown. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { TEST_DATABASE_URL, TEST_KAFKA_BROKERS, TEST_ELASTICSEARCH_URL } = process.env;
  const dataDir = await mkdtemp(join(tmpdir(), 'taskstream-test-'));
  const startedAt = performance.now();
  const servers = await startServers({
    dataDir,
    ports: {
      ...(TEST_DATABASE_URL ? {} : { postgres: await getPort() }),
      ...(TEST_KAFKA_BROKERS ? {} : { kafka: await getPort() }),
      ...(TEST_ELASTICSEARCH_URL ? {} : { elasticsearch: await getPort() }),
    },
    onReady: ({ name }) => {
      console.log(`${name} is ready after ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
    },
  });
  // Where tests of several projects run, the next one's setup finds what this one has started.
  process.env.TEST_DATABASE_URL ||= servers.postgres?.url ?? '';
  process.env.TEST_KAFKA_BROKERS ||= servers.kafka?.url ?? '';
  process.env.TEST_ELASTICSEARCH_URL ||= servers.elasticsearch?.url ?? '';
  project.provide('databaseUrl', process.env.TEST_DATABASE_URL);
  project.provide('kafkaBrokers', process.env.TEST_KAFKA_BROKERS);
  project.provide('elasticsearchUrl', process.env.TEST_ELASTICSEARCH_URL);
  return async () => {
    await stopServers(servers);
    await rm(dataDir, { recursive: true, force: true });
  };
}
