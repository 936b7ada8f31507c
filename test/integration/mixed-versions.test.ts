import { setTimeout as sleep } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { Client as ElasticsearchClient } from '@elastic/elasticsearch';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { TASK_SCHEMA_VERSION } from '../../services/task/fields.ts';
import type { Task } from '../../services/task/task.ts';
import { completed, documentsOf, rowsOf } from '../support/content.ts';
import { createTestTopics, type TestTopics } from '../support/kafka.ts';
import { runOpsOf, runOps } from '../support/ops.ts';
import { call } from '../support/pipeline.ts';
import { checkOutPreviousRelease, type PreviousRelease } from '../support/previous-release.ts';
import { killProcess, startService, stopProcess, type ServiceProcess } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

/** A database that no version has touched, and an alias that points nowhere. */
const createWorld = async () => {
  const name = `mixed_${randomUUID().replaceAll('-', '')}`;
  const administrate = async (statement: string) => {
    const client = new Client({ connectionString: inject('databaseUrl') });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  await administrate(`CREATE DATABASE ${name}`);
  const url = new URL(inject('databaseUrl'));
  url.pathname = `/${name}`;
  const topics: TestTopics = await createTestTopics(inject('kafkaBrokers'));
  const search = new ElasticsearchClient({ node: inject('elasticsearchUrl'), maxRetries: 0 });
  const alias = `tasks-${name.slice(-8)}`;
  return {
    topics,
    search,
    alias,
    env: {
      DATABASE_URL: url.href,
      KAFKA_BROKERS: inject('kafkaBrokers'),
      ELASTICSEARCH_URL: inject('elasticsearchUrl'),
      TASKS_TOPIC: topics.tasks,
      DEAD_LETTER_TOPIC: topics.deadLetters,
      TASK_INDEX: alias,
      CONSUMER_GROUP: `group-${topics.tasks}`,
      SESSION_TIMEOUT_MS: '45000',
      SEARCH_TIMEOUT_MS: '60000',
      DRAIN_DELAY_MS: '0',
      LOG_LEVEL: 'warn',
    },
    rows: () => rowsOf(url.href),
    documents: () => documentsOf(search, alias),
    close: async () => {
      for (const index of Object.keys(await search.indices.get({ index: `${alias}-*` }))) {
        await search.indices.delete({ index });
      }
      await Promise.all([search.close(), topics.close()]);
      await administrate(`DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
};
type World = Awaited<ReturnType<typeof createWorld>>;

/** Clients that write and read through whichever APIs serve, until they are told to stop. */
const startLoad = () => {
  const apis = new Set<ServiceProcess>();
  const underWay = new Map<ServiceProcess, number>();
  const failures: string[] = [];
  let requests = 0;
  let isOver = false;
  const send = async (method: string, path: string, body?: object): Promise<{ status: number; body: unknown }> => {
    const api = [...apis][requests % apis.size];
    if (api === undefined) throw new Error('no API serves');
    requests += 1;
    underWay.set(api, (underWay.get(api) ?? 0) + 1);
    try {
      return await call(api, method, path, body);
    } finally {
      underWay.set(api, (underWay.get(api) ?? 1) - 1);
    }
  };
  const expected = async (status: number, method: string, path: string, body?: object): Promise<unknown> => {
    try {
      const answer = await send(method, path, body);
      if (answer.status !== status) failures.push(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body;
    } catch (error) {
      failures.push(`${method} ${path}: ${String(error)}`);
      return undefined;
    }
  };
  const client = async (name: number): Promise<void> => {
    for (let turn = 0; !isOver; turn += 1) {
      const description = `task ${turn} of client ${name}`;
      const created = (await expected(201, 'POST', '/tasks', { description })) as { task: Task } | undefined;
      if (created === undefined) continue;
      const path = `/tasks/${created.task.id}`;
      await expected(200, 'PUT', path, { description, priority: 'high', dates: {}, isDone: true });
      await expected(200, 'GET', path);
      if (turn % 5 === 0) await expected(204, 'DELETE', path);
      await expected(200, 'POST', '/tasks/search', { description: 'task', size: 1 });
      await sleep(20);
    }
  };
  const clients: Promise<unknown>[] = [];
  return {
    failures,
    requests: () => requests,
    begin: () => {
      for (let name = 0; name < 4; name += 1) clients.push(client(name));
    },
    add: (api: ServiceProcess) => void apis.add(api),
    /** Resolves when no request of a client is under way at it. */
    remove: async (api: ServiceProcess) => {
      apis.delete(api);
      await waitFor('the last requests', () => (underWay.get(api) ?? 0) === 0, { intervalMs: 10 });
    },
    /** Resolves when `count` more requests were answered. */
    more: async (count: number) => {
      const from = requests;
      await waitFor(`${count} more requests`, () => requests >= from + count);
    },
    end: async () => {
      isOver = true;
      await Promise.all(clients);
    },
  };
};

let previous: PreviousRelease;
// It may have to install the release's packages.
beforeAll(async () => {
  previous = await checkOutPreviousRelease();
}, 600_000);
afterAll(() => previous.remove());

describe.each(['APIs first', 'indexers first'] as const)('the previous release and this one, %s', (order) => {
  let world: World;
  const processes: ServiceProcess[] = [];
  const start = async (version: 'old' | 'new', service: 'api' | 'indexer'): Promise<ServiceProcess> => {
    const started = await startService(
      service,
      world.env,
      undefined,
      version === 'old' ? previous.checkout : undefined,
    );
    processes.push(started);
    return started;
  };
  const ready = async (started: ServiceProcess): Promise<ServiceProcess> => {
    await started.ready();
    return started;
  };

  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(async () => {
    await Promise.all(processes.map(killProcess));
    await world.close();
  });

  it('run side by side through a rollout and a rollback: no request fails, nothing is lost, both stores are equal', async () => {
    expect(await runOpsOf(previous.checkout, ['migrate'], world.env)).toMatchObject({ code: 0 });
    const oldApi = await ready(await start('old', 'api'));
    const oldIndexer = await ready(await start('old', 'indexer'));
    const load = startLoad();
    load.add(oldApi);
    load.begin();
    await load.more(100);

    // New code on the old schema is not ready, and says what is missing.
    const newApi = await start('new', 'api');
    await waitFor('the reason', async () => {
      const text = await (await fetch(`${newApi.healthUrl}/readyz`)).text();
      return text.includes('0005_tags');
    });
    expect(await runOps(['migrate'], world.env)).toMatchObject({ code: 0 });
    await load.more(100);

    const tagged: string[] = [];
    const rollOutApi = async () => {
      await newApi.ready();
      load.add(newApi);
      for (let n = 0; n < 20; n += 1) {
        const { status, body } = await call(newApi, 'POST', '/tasks', {
          ...{ description: `tagged ${n}`, tags: ['kept'], owner: 'ada' },
        });
        expect(status).toBe(201);
        tagged.push((body as { task: Task }).task.id);
      }
      // A request that is repeated at another version makes no second task.
      const once = async (api: ServiceProcess) =>
        (
          (await call(api, 'POST', '/tasks', { description: 'once' }, { 'idempotency-key': 'of-both-versions' }))
            .body as { task: Task }
        ).task.id;
      expect(new Set([await once(oldApi), await once(newApi), await once(oldApi)]).size).toBe(1);
      // The old version changes what the new one created, without a word of what it does not know.
      for (const id of tagged.slice(0, 10)) {
        const body = { description: 'changed by the old version', priority: 'low', dates: {}, isDone: false };
        expect(await call(oldApi, 'PUT', `/tasks/${id}`, body)).toMatchObject({ status: 200 });
      }
      await load.more(100);
    };
    let newIndexer: ServiceProcess | undefined;
    const rollOutIndexer = async () => {
      newIndexer = await ready(await start('new', 'indexer'));
      await load.more(100);
      expect(await stopProcess(oldIndexer)).toMatchObject({ code: 0 });
    };
    if (order === 'indexers first') await rollOutIndexer();
    await rollOutApi();
    if (order === 'APIs first') await rollOutIndexer();
    await load.remove(oldApi);
    expect(await stopProcess(oldApi)).toMatchObject({ code: 0 });
    await load.more(100);

    // Back: the old version's migration runs again too, as its Job would.
    expect(await runOpsOf(previous.checkout, ['migrate'], world.env)).toMatchObject({ code: 0 });
    const rolledBack = await ready(await start('old', 'api'));
    load.add(rolledBack);
    await load.remove(newApi);
    expect(await stopProcess(newApi)).toMatchObject({ code: 0 });
    await ready(await start('old', 'indexer'));
    if (newIndexer !== undefined) expect(await stopProcess(newIndexer)).toMatchObject({ code: 0 });
    await load.more(100);
    await load.end();

    expect(load.failures).toEqual([]);
    await waitFor('both stores to be equal in content', async () => {
      const [rows, documents] = [await world.rows(), await world.documents()];
      expect(completed(documents)).toEqual(rows);
      return true;
    });
    expect(await runOps(['reindex'], world.env)).toMatchObject({ code: 0 });
    expect(await world.documents()).toEqual(await world.rows());
    const rows = await world.rows();
    for (const id of tagged)
      expect(rows.get(id)).toMatchObject({ tags: ['kept'], owner: 'ada', schemaVersion: TASK_SCHEMA_VERSION });
    expect(await world.topics.readAll(world.topics.deadLetters)).toEqual([]);
  });
});
