import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@elastic/elasticsearch';
import pg from 'pg';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startCluster, type Cluster } from '../../infra/local/cluster/cluster.ts';
import { freePorts } from '../../infra/local/cluster/ports.ts';
import { createSearchBreaker } from '../../services/pipeline/index/breaker.ts';
import { ANYBODY } from '../../services/platform/auth/actor.ts';
import { createElasticsearch, elasticsearchEnv } from '../../services/platform/elasticsearch.ts';
import { readEnv } from '../../services/platform/env.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { createTaskSearch } from '../../services/task/store.ts';
import { createTestTopics } from '../support/kafka.ts';
import { searchFor } from '../support/sample.ts';
import { createTestIndex, type TestIndex } from '../support/search-index.ts';
import { waitFor } from '../support/wait.ts';

let folder: string;
let cluster: Cluster;
const reported: string[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'taskstream-cluster-'));
  cluster = await startCluster({
    dataDir: folder,
    ports: await freePorts(),
    report: (text) => reported.push(text),
  });
}, 300_000);
afterAll(async () => {
  for (const node of cluster.nodes) await node.kill();
  await cluster.stop();
  await rm(folder, { recursive: true });
}, 60_000);

/** On a connection of its own, at the address of the primary. */
const query = async <Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> => {
  const client = new pg.Client({ connectionString: cluster.urls.postgres, query_timeout: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Row>(sql)).rows;
  } finally {
    void client.end().catch(() => undefined);
  }
};

const count = async (): Promise<number> => Number((await query<{ n: string }>('SELECT count(*) AS n FROM kept'))[0]?.n);

it('PostgreSQL keeps every acknowledged commit when its primary is killed, and a standby takes the address over', async () => {
  await query('CREATE TABLE kept (n int)');
  for (let n = 0; n < 50; n += 1) await query(`INSERT INTO kept VALUES (${n})`);
  const primary = await cluster.find('primary');
  await primary.kill();
  await waitFor('a write', () => query('INSERT INTO kept VALUES (50)').then(() => true), { timeoutMs: 60_000 });
  expect(await count()).toBe(51);
  expect((await cluster.find('primary')).name).not.toBe(primary.name);
});

it('promotes nobody while the standby that is missing may have what the primary acknowledged last', async () => {
  // One of three is gone since the test before: the last standby cannot know what the other one had.
  const primary = await cluster.find('primary');
  reported.length = 0;
  await primary.kill();
  await waitFor('the decision', () => reported.some((text) => text.includes('nobody is promoted')));
  await expect(count()).rejects.toThrow();
});

it('makes what was killed a standby again, with all that was acknowledged', async () => {
  await cluster.heal();
  expect(await count()).toBe(51);
  const standbys = await query<{ state: string; sync_state: string }>(
    'SELECT state, sync_state FROM pg_stat_replication',
  );
  expect(standbys).toEqual(Array.from({ length: 2 }, () => ({ state: 'streaming', sync_state: 'quorum' })));
});

it('ends a primary that stood still while another took its place, and makes it a standby', async () => {
  const primary = await cluster.find('primary');
  const pid = primary.pid;
  primary.pause();
  await waitFor('another primary', async () => (await cluster.find('primary')) !== primary, { timeoutMs: 60_000 });
  await waitFor('a write', () => query('INSERT INTO kept VALUES (51)').then(() => true), { timeoutMs: 60_000 });
  primary.resume();
  await waitFor('the old one to come back', () => primary.pid !== undefined && primary.pid !== pid);
  await cluster.heal();
  expect(await count()).toBe(52);
});

it('PostgreSQL keeps every acknowledged commit while its nodes are restarted, and the primary hands over', async () => {
  const primary = await cluster.find('primary');
  const ofPostgres = () => cluster.nodes.filter(({ kind }) => kind === 'postgres');
  const pids = ofPostgres().map(({ pid }) => pid);
  let [acknowledged, isOver] = [0, false];
  const writing = (async () => {
    while (!isOver)
      await query('INSERT INTO kept VALUES (1000)').then(
        () => (acknowledged += 1),
        () => undefined,
      );
  })();
  await cluster.roll('postgres').finally(() => {
    isOver = true;
  });
  await writing;
  expect((await cluster.find('primary')).name).not.toBe(primary.name);
  expect(ofPostgres().filter(({ pid }) => pid === undefined || pids.includes(pid))).toEqual([]);
  expect(acknowledged).toBeGreaterThan(0);
  // A commit whose answer was lost may be there, too.
  expect(await count()).toBeGreaterThanOrEqual(52 + acknowledged);
});

it('Kafka takes events that two brokers have, when the controller is killed', async () => {
  const topics = await createTestTopics(cluster.urls.kafka, { partitions: 3, copies: 3 });
  const events = Array.from({ length: 30 }, (_, n) => ({
    key: `task-${n}`,
    value: Buffer.from(String(n)),
    headers: [],
  }));
  await topics.produce(events);
  const controller = await cluster.find('controller');
  await controller.kill();
  await topics.produce(events);
  expect(await topics.readAll(topics.tasks)).toHaveLength(60);
  expect((await cluster.find('controller')).name).not.toBe(controller.name);
  await topics.close();
});

const withIndex = async (use: (index: TestIndex) => Promise<void>): Promise<void> => {
  const index = await createTestIndex(cluster.urls.elasticsearch, { replicas: 1 });
  await use(index).finally(() => index.close());
};

it('Elasticsearch finds every acknowledged document when its master is killed', async () => {
  await withIndex(async ({ client, alias }) => {
    const write = (id: string) =>
      client.index({
        index: alias,
        id,
        document: { id, version: 1, description: id },
        version: 1,
        version_type: 'external',
      });
    await waitFor('both copies', async () => (await client.cluster.health({ index: alias })).status === 'green');
    await write('before');
    const master = await cluster.find('master');
    await master.kill();
    await waitFor('a write', () => write('behind').then(() => true));
    // As the services reach it: by the address of all nodes.
    const another = new Client({ node: cluster.urls.elasticsearch, maxRetries: 0 });
    await waitFor('both documents', async () => {
      await another.indices.refresh({ index: alias });
      return (await another.count({ index: alias })).count === 2;
    });
    await another.close();
    expect((await cluster.find('master')).name).not.toBe(master.name);
  });
});

it.each([1, 6])(
  'search goes on while a node with copies stands still, before the others have noticed (shards: %d)',
  async (shards) => {
    await cluster.heal();
    const index = await createTestIndex(cluster.urls.elasticsearch, { shards, replicas: 1 });
    await waitFor(
      'all copies',
      async () => (await index.client.cluster.health({ index: index.alias })).status === 'green',
    );
    const { nodes } = await index.client.searchShards({ index: index.alias });
    const names = Object.values(nodes).map(({ name }) => name);
    const node = (await cluster.findAll('search-node')).find(({ name }) => names.includes(name));
    const logger = createLogger({ service: 'test', level: 'silent' });
    const breaker = createSearchBreaker({ resetMs: 500, registry: new Registry(), logger });
    const client = createElasticsearch(readEnv(elasticsearchEnv, { ELASTICSEARCH_URL: cluster.urls.elasticsearch }));
    const search = createTaskSearch({ client, alias: index.alias, timeoutMs: 3_000, breaker });
    node?.pause();
    expect(node?.isPaused).toBe(true);
    try {
      // Each query by itself is asked of the same copies: some of the first ones stand still.
      let queries = 0;
      let answered = 0;
      await waitFor(
        'many queries in a row to be answered',
        async () => {
          queries += 1;
          const conditions = searchFor(`word-${queries}`);
          await search.find({ actor: ANYBODY, conditions, from: 0, size: 1, cursor: undefined }).then(
            () => (answered += 1),
            () => (answered = 0),
          );
          return answered === 25;
        },
        // It is noticed after three checks of 10 s.
        { timeoutMs: 20_000, intervalMs: 0 },
      );
    } finally {
      node?.resume();
      breaker.close();
      await client.close();
      await index.close();
    }
  },
);

it('has three nodes of each again when it is healed', async () => {
  await cluster.heal();
  expect(cluster.nodes.filter(({ isRunning }) => isRunning)).toHaveLength(9);
});
