import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTask, search } from '../support/pipeline.ts';
import { killProcess, stopProcess, type ServiceProcess } from '../support/process.ts';
import { createSecurePipeline, USER, type SecurePipeline } from '../support/secure-servers.ts';
import { waitFor } from '../support/wait.ts';

type Env = Readonly<Record<string, string>>;

let pipeline: SecurePipeline;
let servers: SecurePipeline['servers'];

beforeAll(async () => {
  pipeline = await createSecurePipeline();
  ({ servers } = pipeline);
});
afterAll(() => pipeline.close());

const start = (service: 'api' | 'indexer', env: Env): Promise<ServiceProcess> =>
  pipeline.start(service, {
    DATABASE_URL: pipeline.database.url,
    ELASTICSEARCH_USERNAME: USER.name,
    ELASTICSEARCH_PASSWORD: USER.password,
    ...env,
  });

type Login = 'scram' | 'mutual' | 'password' | 'oauth';

const user = { KAFKA_SASL_USERNAME: USER.name, KAFKA_SASL_PASSWORD: USER.password };
const loginBy = (kind: Login): Env => {
  switch (kind) {
    case 'scram':
      return { KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512', ...user };
    case 'password':
      return { KAFKA_SASL_MECHANISM: 'PLAIN', ...user };
    case 'mutual':
      return { KAFKA_CERT_FILE: servers.files.cert, KAFKA_KEY_FILE: servers.files.key };
    case 'oauth':
      return {
        KAFKA_SASL_MECHANISM: 'OAUTHBEARER',
        KAFKA_OAUTH_TOKEN_URL: servers.tokenUrl,
        KAFKA_OAUTH_CLIENT_ID: USER.name,
        KAFKA_OAUTH_CLIENT_SECRET: USER.password,
        KAFKA_OAUTH_SCOPE: 'tasks',
        KAFKA_OAUTH_CA_FILE: servers.files.ca,
      };
  }
};
const kafkaBy = (kind: Login): Env => ({
  KAFKA_BROKERS: servers.kafka[kind],
  ...loginBy(kind),
});

/** It answers from PostgreSQL, ready or not. */
const serves = (api: ServiceProcess) =>
  waitFor('the API to answer', async () => (await fetch(`http://127.0.0.1:${api.port}/tasks`)).ok);

describe.each([
  ['scram', 'TLS with a SCRAM user'],
  ['mutual', 'TLS with a client certificate'],
  ['password', 'TLS with SASL PLAIN'],
  ['oauth', 'TLS with tokens for client credentials'],
] as const)('Kafka over %s', (kind, title) => {
  it(`a task is found by search with ${title} at Kafka, and TLS at PostgreSQL and Elasticsearch`, async () => {
    const [api, indexer] = await Promise.all([start('api', kafkaBy(kind)), start('indexer', kafkaBy(kind))]);
    await Promise.all([api.ready(), indexer.ready()]);
    const task = await createTask(api, `sealed by ${kind}`);
    await waitFor('the task in search', async () => (await search(api, `sealed by ${kind}`)).tasks[0]?.id === task.id);

    const { rows } = await pipeline.database.pool.query<{ ssl: boolean }>(
      `SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
       WHERE datname = current_database() AND application_name LIKE 'taskstream%'`,
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.every(({ ssl }) => ssl)).toBe(true);
    for (const { code } of await Promise.all([stopProcess(api), stopProcess(indexer)])) expect(code).toBe(0);
  });
});

describe('a server that cannot be trusted', () => {
  it('gets no event: an unknown CA at Kafka leaves them in the outbox, and the log names the certificate', async () => {
    const api = await start('api', { ...kafkaBy('scram'), KAFKA_CA_FILE: servers.files.otherCa });
    await api.ready();
    const before = await pipeline.topics.end();
    await createTask(api, 'kept back');
    await waitFor('the log to name the certificate', async () => /certificate/i.test(api.logs()), {
      timeoutMs: 30_000,
    });
    expect(await pipeline.topics.end()).toBe(before);
    expect(await pipeline.database.waiting()).toBeGreaterThan(0);
    await killProcess(api);
  });

  it('gets no statement: an unknown CA at PostgreSQL keeps the API from being ready', async () => {
    const api = await start('api', { ...kafkaBy('scram'), DATABASE_CA_FILE: servers.files.otherCa });
    await waitFor('the log to name the certificate', async () => /certificate/i.test(api.logs()), {
      timeoutMs: 30_000,
    });
    expect((await fetch(`${api.healthUrl}/readyz`)).status).toBe(503);
    await killProcess(api);
  });

  it('gets no search: an unknown CA at Elasticsearch is 503, and the rest goes on', async () => {
    const api = await start('api', { ...kafkaBy('scram'), ELASTICSEARCH_CA_FILE: servers.files.otherCa });
    await serves(api);
    // It never could search: no client is sent to it.
    expect((await fetch(`${api.healthUrl}/readyz`)).status).toBe(503);
    await createTask(api, 'still written');
    await expect(search(api, 'still')).rejects.toThrow(/503/);
    await killProcess(api);
  });
});

it('a task is found by search with an API key at Elasticsearch', async () => {
  const withKey = {
    ...kafkaBy('scram'),
    ELASTICSEARCH_USERNAME: '',
    ELASTICSEARCH_PASSWORD: '',
    ELASTICSEARCH_API_KEY: servers.apiKey,
  };
  const [api, indexer] = await Promise.all([start('api', withKey), start('indexer', withKey)]);
  await Promise.all([api.ready(), indexer.ready()]);
  const task = await createTask(api, 'opened by a key');
  await waitFor('the task in search', async () => (await search(api, 'opened by a key')).tasks[0]?.id === task.id);
  await Promise.all([stopProcess(api), stopProcess(indexer)]);
});

describe('a token endpoint', () => {
  it('is asked for a second token before the first one ends, and the events go on', async () => {
    const [api, indexer] = await Promise.all([start('api', kafkaBy('oauth')), start('indexer', kafkaBy('oauth'))]);
    await Promise.all([api.ready(), indexer.ready()]);
    const before = servers.tokensGiven();
    await waitFor('both to have fetched a token anew', async () => servers.tokensGiven() >= before + 2, {
      timeoutMs: 60_000,
    });
    const task = await createTask(api, 'after the first token');
    await waitFor(
      'the task in search',
      async () => (await search(api, 'after the first token')).tasks[0]?.id === task.id,
    );
    await Promise.all([stopProcess(api), stopProcess(indexer)]);
  });

  it('that refuses the client is named in the log, and the events stay in the outbox', async () => {
    const api = await start('api', { ...kafkaBy('oauth'), KAFKA_OAUTH_CLIENT_SECRET: 'wrong' });
    await serves(api);
    await createTask(api, 'kept without a token');
    await waitFor(
      'the log to name the token',
      async () => /token[^\n]*(401|invalid_client|no such client)/i.test(api.logs()),
      {
        timeoutMs: 30_000,
      },
    );
    expect(await pipeline.database.waiting()).toBeGreaterThan(0);
    await killProcess(api);
  });

  it('of an unknown CA gets no secret: the log names the certificate', async () => {
    const given = servers.tokensGiven();
    const api = await start('api', { ...kafkaBy('oauth'), KAFKA_OAUTH_CA_FILE: servers.files.otherCa });
    await waitFor('the log to name the certificate', async () => /certificate/i.test(api.logs()), {
      timeoutMs: 30_000,
    });
    expect(servers.tokensGiven()).toBe(given);
    await killProcess(api);
  });
});

describe('a wrong password', () => {
  it('at Kafka or Elasticsearch is named in the log, and nothing is lost', async () => {
    const wrong = { KAFKA_SASL_PASSWORD: 'wrong', ELASTICSEARCH_PASSWORD: 'wrong' };
    const api = await start('api', { ...kafkaBy('scram'), ...wrong });
    await serves(api);
    await createTask(api, 'waits for the right password');
    await expect(search(api, 'waits')).rejects.toThrow(/503/);
    await waitFor('Kafka to refuse the user', async () => /authentication failed/i.test(api.logs()), {
      timeoutMs: 30_000,
    });
    await killProcess(api);

    const [right, indexer] = await Promise.all([start('api', kafkaBy('scram')), start('indexer', kafkaBy('scram'))]);
    await Promise.all([right.ready(), indexer.ready()]);
    await waitFor('the task in search', async () => (await search(right, 'waits for the right password')).total === 1);
  });
});

const keepWriting = async (api: ServiceProcess, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) await createTask(api, 'up to the end').catch(() => undefined);
};

describe('a CA and certificates that are renewed while the services run', () => {
  it.each(['scram', 'mutual'] as const)(
    'count from the next connection on: no restart (Kafka over %s)',
    async (kind) => {
      const [api, indexer] = await Promise.all([start('api', kafkaBy(kind)), start('indexer', kafkaBy(kind))]);
      await Promise.all([api.ready(), indexer.ready()]);
      const before = await createTask(api, `before the renewal, ${kind}`);
      await waitFor('the task in search', async () => (await search(api, 'before the renewal')).total > 0);

      await servers.renew();
      // Of what is written up to the end, the indexer has a commit open that no broker will answer.
      const closing = new AbortController();
      const writing = keepWriting(api, closing.signal);
      await sleep(500);
      await servers.closeConnections();
      closing.abort();
      await writing;

      const after = await waitFor('the API to write', () => createTask(api, `behind the renewal, ${kind}`), {
        timeoutMs: 30_000,
      });
      const found = async (id: string) => (await search(api, kind)).tasks.some((task) => task.id === id);
      await waitFor('the new task in search', () => found(after.id), { timeoutMs: 180_000 });
      expect(await found(before.id)).toBe(true);
      for (const service of [api, indexer]) {
        expect((await fetch(`${service.healthUrl}/livez`)).status).toBe(200);
        expect(await service.metric('taskstream_certificate_renewals_total')).toBeGreaterThan(0);
        expect(await stopProcess(service), service.logs()).toEqual({ code: 0, signal: null });
      }
    },
  );
});
