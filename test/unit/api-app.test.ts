import { Client } from '@elastic/elasticsearch';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { readApiConfig } from '../../services/api/config.ts';
import { hasLogin } from '../../services/api/console/config.ts';
import { createConsole } from '../../services/api/console/console.ts';
import { createConsoleLogin, loginProviderOf } from '../../services/api/console/login.ts';
import { createSessions } from '../../services/api/console/session.ts';
import { createPool } from '../../services/platform/postgres.ts';
import { authenticationBy } from '../support/issuer.ts';
import { startLoneApi } from '../support/lone-api.ts';
import { taskIn } from '../support/task.ts';

const SERVERS = {
  ...{ DATABASE_URL: 'postgres://127.0.0.1:1/tasks', KAFKA_BROKERS: '127.0.0.1:1' },
  ELASTICSEARCH_URL: 'http://127.0.0.1:1',
};
const TOKENS = { AUTH: 'oidc', AUTH_ISSUER: 'https://id.example.com', AUTH_AUDIENCE: 'https://tasks.example.com' };
const LOGIN = {
  ...{ CONSOLE_URL: 'https://tasks.example.com', CONSOLE_CLIENT_ID: 'console' },
  CONSOLE_SESSION_KEYS: 'k'.repeat(32),
};

// What breaks this is a literal path beside a parameter of the same method, or a route for all methods; each request is slower then.
it.each<[string, Record<string, string>]>([
  ['the API alone', { AUTH: 'none' }],
  ['the API with the console', { AUTH: 'none', CONSOLE: 'true' }],
  ['the API with authentication', TOKENS],
  ['the API with authentication and the console', { ...TOKENS, ...LOGIN, CONSOLE: 'true' }],
])("the fastest of Hono's routers takes the routes of %s", async (_, env) => {
  const config = readApiConfig({ ...SERVERS, ...env });
  const logger = pino({ level: 'silent' });
  const sessions = hasLogin(config) ? createSessions(config) : undefined;
  const authentication =
    config.AUTH === 'none' ? undefined : { ...authenticationBy({ url: TOKENS.AUTH_ISSUER }), sessions };
  const login =
    hasLogin(config) && sessions !== undefined && authentication !== undefined
      ? createConsoleLogin({ ...authentication, sessions, provider: loginProviderOf(config, logger) })
      : undefined;
  const [pool, elasticsearch] = [createPool(config, 'test', logger), new Client({ node: config.ELASTICSEARCH_URL })];
  const taskConsole = config.CONSOLE
    ? createConsole({
        ...{ config, task: taskIn(), pool, elasticsearch, logger, login },
        requestCounts: () => Promise.resolve({ answered: 0, failed: 0 }),
      })
    : undefined;
  const api = await startLoneApi({ authentication, taskConsole });
  try {
    // One that a task's path takes, and one that none takes.
    for (const method of ['GET', 'OPTIONS']) {
      const { status, headers } = await fetch(`${api.url}/tasks/batch`, { method });
      expect([status, headers.get('allow')]).toEqual([405, 'POST']);
    }
    expect((await fetch(`${api.url}/console`, { redirect: 'manual' })).status).toBe(
      taskConsole === undefined ? 404 : login === undefined ? 200 : 302,
    );
    expect(api.router()).toBe('SmartRouter + RegExpRouter');
  } finally {
    await api.close();
    await taskConsole?.close();
    await Promise.all([pool.end(), elasticsearch.close()]);
  }
});

it.each([
  [200, 'GET', '/docs'],
  [200, 'HEAD', '/openapi.json'],
  [302, 'GET', '/'],
  [404, 'GET', '/nothing/here'],
  [405, 'DELETE', '/tasks/search'],
  [415, 'POST', '/tasks'],
])('tells browsers to be careful: %i for %s %s', async (status, method, path) => {
  const api = await startLoneApi();
  try {
    const answer = await fetch(api.url + path, { method, redirect: 'manual' });
    expect([answer.status, Object.fromEntries(answer.headers)]).toEqual([
      status,
      expect.objectContaining({
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'strict-transport-security': 'max-age=15552000; includeSubDomains',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'SAMEORIGIN',
      }),
    ]);
  } finally {
    await api.close();
  }
});
