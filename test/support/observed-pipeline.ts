/** A pipeline in which everything that has a metric has happened once. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from './certificates.ts';
import { call, createPipeline, createTask, search, type Pipeline } from './pipeline.ts';
import type { ServiceProcess } from './process.ts';
import { waitFor } from './wait.ts';
import { updateOf } from './sample.ts';

export interface ObservedPipeline {
  readonly api: ServiceProcess;
  readonly indexer: ServiceProcess;
  /** Tasks are made, changed, deleted, found and refused; an event is poison. */
  readonly exercise: () => Promise<void>;
  /** What both answer at /metrics. */
  readonly scrape: () => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
}

export const startObservedPipeline = async (): Promise<ObservedPipeline> => {
  const pipeline = await createPipeline();
  const folder = await mkdtemp(join(tmpdir(), 'taskstream-observed-'));
  const ca = join(folder, 'ca.crt');
  await writeFile(ca, (await createAuthority('observed')).cert);
  // Elasticsearch is reached in the clear here; the file is loaded all the same.
  const env = { ELASTICSEARCH_CA_FILE: ca, LAG_INTERVAL_MS: '200' };
  const [api, indexer] = await Promise.all([pipeline.startApi(env), pipeline.startIndexer(env)]);
  return {
    api,
    indexer,
    exercise: () => exercise(pipeline, api, indexer),
    scrape: () =>
      Promise.all([api, indexer].map(async ({ healthUrl }) => (await fetch(`${healthUrl}/metrics`)).text())),
    close: async () => {
      await pipeline.close();
      await rm(folder, { recursive: true });
    },
  };
};

const exercise = async (pipeline: Pipeline, api: ServiceProcess, indexer: ServiceProcess): Promise<void> => {
  const count = async () => indexer.metric('taskstream_indexer_dead_letters_total');
  const before = await count();
  const { id } = await createTask(api, 'observed');
  await call(api, 'PUT', `/tasks/${id}`, updateOf('observed'));
  await call(api, 'GET', `/tasks/${id}`);
  await call(api, 'GET', '/tasks/not-an-id');
  await search(api, 'observed');
  await call(api, 'DELETE', `/tasks/${id}`);
  await createTask(api, 'observed too');
  await pipeline.topics.produce([{ key: id, value: Buffer.from('poison'), headers: [] }]);
  await waitFor('the dead letter', async () => (await count()) > before);
  // The runtime has no figures about it before the first one, and a few requests may leave too little garbage.
  await waitFor('a garbage collection', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => createTask(api, `garbage ${n}`)));
    return (await api.metric('nodejs_gc_duration_seconds_count')) > 0;
  });
  await pipeline.converged();
};
