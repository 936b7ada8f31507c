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
