import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { createHttpProxy, type ProxyAnswer } from '../support/http-proxy.ts';
import { ODD_ANSWERS } from '../support/odd-answers.ts';
import { call, createPipeline, createTask, search, type Pipeline } from '../support/pipeline.ts';
import { killProcess, startService } from '../support/process.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';
import { creationOf } from '../support/sample.ts';

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await createPipeline();
});
afterAll(() => pipeline.close());

const behind = (url: string, port: number): string => {
  const moved = new URL(url);
  [moved.hostname, moved.port] = ['127.0.0.1', String(port)];
  return moved.href;
};

it('is ready once it is complete, and then as long as it can serve a part; each call says what is away', async () => {
  const database = await createTcpProxy(Number(new URL(inject('databaseUrl')).port));
  const index = await createTcpProxy(Number(new URL(inject('elasticsearchUrl')).port));
  index.cut();
  const api = await startService('api', {
    ...pipeline.env,
    DATABASE_URL: behind(pipeline.database.url, database.port),
    ELASTICSEARCH_URL: behind(inject('elasticsearchUrl'), index.port),
    SEARCH_BREAKER_RESET_MS: '100',
  });
  const readiness = async () => {
    const answer = await fetch(`${api.healthUrl}/readyz`);
    return { ready: answer.ok, text: await answer.text() };
  };
  const isReady = async () => (await readiness()).ready;
  try {
    await waitFor('an answer', async () => (await readiness()).text.includes('elasticsearch: '));
    expect(await isReady()).toBe(false);
    expect((await readiness()).text).not.toContain('postgres: ');
    index.restore();
    await waitFor('readiness', isReady);
    await createTask(api, 'before');

    for (const fault of ['cut', 'blackHole'] as const) {
      database[fault]();
      const write = await call(api, 'POST', '/tasks', creationOf('during'));
      expect(write).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
      expect(Number(write.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await isReady()).toBe(true);
      await search(api, 'before');
      database.restore();
      await waitFor('writes', async () => (await call(api, 'POST', '/tasks', creationOf('after'))).status === 201);
    }

    index.cut();
    const found = await call(api, 'POST', '/tasks/search', {});
    expect(found).toMatchObject({ status: 503, body: { code: 'search_unavailable' } });
    expect(Number(found.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await isReady()).toBe(true);
    await createTask(api, 'without search');

    database.cut();
    const last = await readiness();
    expect(last.ready).toBe(false);
    expect(last.text).toMatch(/postgres: .*elasticsearch: /);
    index.restore();
    await waitFor('readiness', isReady);
  } finally {
    await killProcess(api);
    await Promise.all([database.close(), index.close()]);
  }
});

/** What only searches of clients ask for. */
const isSearch = (path: string): boolean => path.includes('_search') && path.includes('filter_path');

it('becomes ready once Elasticsearch has answered a search as clients ask it', async () => {
  let release: () => void = () => undefined;
  const released = new Promise<boolean>((resolve) => {
    release = () => {
      resolve(true);
    };
  });
  let searches = 0;
  let answered = 0;
  const proxy = await createHttpProxy(inject('elasticsearchUrl'), {
    before: async (_, path) => {
      if (!isSearch(path)) return true;
      searches += 1;
      return released;
    },
    after: (_, path) => {
      if (isSearch(path)) answered += 1;
      return Promise.resolve(true);
    },
  });
  const api = await startService('api', { ...pipeline.env, ELASTICSEARCH_URL: proxy.url });
  const readiness = () => fetch(`${api.healthUrl}/readyz`);
  try {
    await waitFor('the first search', async () => !(await readiness()).ok && searches === 1);
    expect(await readiness().then(readFailure)).toMatchObject({
      status: 503,
      checks: { servers: expect.stringContaining('the first search') as string },
    });
    expect(searches).toBe(1);
    release();
    await waitFor('readiness', async () => (await readiness()).ok);
    expect(answered).toBe(searches);
    // Once is enough.
    const before = searches;
    await readiness();
    expect(searches).toBe(before);
  } finally {
    await killProcess(api);
    await proxy.close();
  }
});

it.each([
  ['refuses', 6],
  ['is slower than a search may be', 1],
] as const)(
  'asks again where Elasticsearch %s, until it has answered, and no search of a client is refused for it',
  async (how, times) => {
    let searches = 0;
    let answered = 0;
    const proxy = await createHttpProxy(inject('elasticsearchUrl'), {
      refuse: (_, path) => {
        if (!isSearch(path)) return undefined;
        searches += 1;
        return how === 'refuses' && searches <= times ? 503 : undefined;
      },
      before: async (_, path) => {
        if (how !== 'refuses' && isSearch(path) && searches <= times) await sleep(1_500);
        return true;
      },
      after: (_, path) => {
        if (isSearch(path)) answered += 1;
        return Promise.resolve(true);
      },
    });
    const api = await startService('api', {
      ...pipeline.env,
      ELASTICSEARCH_URL: proxy.url,
      ...(how === 'refuses' ? { SEARCH_BREAKER_RESET_MS: '60000' } : { SEARCH_TIMEOUT_MS: '500' }),
    });
    try {
      await waitFor('readiness', async () => (await fetch(`${api.healthUrl}/readyz`)).ok);
      expect(answered).toBe(2);
      expect(searches).toBe(times + (how === 'refuses' ? 2 : 1));
      expect(await api.metric('taskstream_search_breaker_open')).toBe(0);
      if (how === 'refuses') await search(api, 'anything');
    } finally {
      await killProcess(api);
      await proxy.close();
    }
  },
);

it.each(['refuses', 'never answers'] as const)(
  'becomes ready all the same when Elasticsearch %s that search',
  async (how) => {
    let searches = 0;
    const proxy = await createHttpProxy(inject('elasticsearchUrl'), {
      refuse: (_, path) => {
        if (!isSearch(path)) return undefined;
        searches += 1;
        return how === 'refuses' ? 503 : undefined;
      },
      before: (_, path) => (isSearch(path) ? new Promise(() => undefined) : Promise.resolve(true)),
    });
    const api = await startService('api', { ...pipeline.env, ELASTICSEARCH_URL: proxy.url });
    try {
      await waitFor('readiness', async () => (await fetch(`${api.healthUrl}/readyz`)).ok, { timeoutMs: 60_000 });
      expect(searches).toBeGreaterThan(0);
    } finally {
      await killProcess(api);
      await proxy.close();
    }
  },
);

it('is not ready while something else answers in the place of Elasticsearch, and says what', async () => {
  let answer: ProxyAnswer | undefined = ODD_ANSWERS[0]?.[1];
  const proxy = await createHttpProxy(inject('elasticsearchUrl'), { answer: () => answer });
  const api = await startService('api', { ...pipeline.env, ELASTICSEARCH_URL: proxy.url });
  const readiness = () => fetch(`${api.healthUrl}/readyz`);
  try {
    await waitFor('an answer', async () => (await (await readiness()).text()).includes('elasticsearch: '));
    for (const [what, odd, reason] of ODD_ANSWERS) {
      answer = odd;
      const { status, checks } = await readiness().then(readFailure);
      expect([status, what]).toEqual([503, what]);
      expect(checks).toMatchObject({ servers: expect.stringMatching(/^elasticsearch: /) as string });
      expect(checks).toMatchObject({ servers: expect.stringMatching(reason) as string });
    }
    answer = undefined;
    await waitFor('readiness', async () => (await readiness()).ok);
  } finally {
    await killProcess(api);
    await proxy.close();
  }
});

const readFailure = async (answer: Response): Promise<{ status: number; checks: unknown }> => {
  const { checks } = (await answer.json()) as { checks: unknown };
  return { status: answer.status, checks };
};
