import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { readApiConfig } from '../../services/api/config.ts';
import { hasLogin } from '../../services/api/console/config.ts';
import { createSessions } from '../../services/api/console/session.ts';
import type { ApiEnv } from '../../services/platform/http/api-env.ts';
import { authenticationBy, startIssuer } from '../support/issuer.ts';
import { startLoneApi } from '../support/lone-api.ts';

const config = readApiConfig({
  ...{ DATABASE_URL: 'postgres://db/tasks', KAFKA_BROKERS: 'kafka:9092', ELASTICSEARCH_URL: 'http://search:9200' },
  ...{ AUTH: 'oidc', AUTH_ISSUER: 'https://id.example.com', AUTH_AUDIENCE: 'https://tasks.example.com' },
  ...{ CONSOLE: 'true', CONSOLE_URL: 'https://tasks.example.com', CONSOLE_CLIENT_ID: 'console' },
  CONSOLE_SESSION_KEYS: 'k'.repeat(32),
});
if (!hasLogin(config)) throw new Error('the console of this test has a login');
const sessions = createSessions(config);
const LOGIN = { state: 'a-state', nonce: 'n', verifier: 'v', to: '/console' };
const CALLER = { subject: 'root', owner: 'root', scopes: new Set(['tasks:read', 'tasks:admin']) };

const app = new Hono<ApiEnv>()
  .get('/begin', async (c) => {
    await sessions.begin(c, { caller: CALLER, name: 'root' });
    await sessions.keepLogin(c, LOGIN);
    return c.text('');
  })
  .get('/read', async (c) => c.json([(await sessions.callerOf(c))?.owner, await sessions.loginOf(c, LOGIN.state)]))
  .get('/end', (c) => {
    sessions.end(c);
    sessions.endLogin(c, LOGIN);
    return c.text('');
  });
const cookiesOf = async (path: string): Promise<string[]> => (await app.request(path)).headers.getSetCookie();

describe('cookies of a page with TLS', () => {
  it('are of this host alone, as their prefix makes browsers see to', async () => {
    const cookies = await cookiesOf('/begin');
    expect(cookies.map((cookie) => cookie.replace(/=[^;]+/, '=…'))).toEqual([
      '__Host-taskstream-session=…; Max-Age=3600; Path=/; HttpOnly; Secure; SameSite=Lax',
      '__Host-taskstream-login-a-state=…; Max-Age=600; Path=/; HttpOnly; Secure; SameSite=Lax',
    ]);
    const cookie = cookies.map((line) => line.split(';')[0]).join('; ');
    expect(await (await app.request('/read', { headers: { cookie } })).json()).toEqual(['root', LOGIN]);
    // Without the prefix, a page without TLS could have set them.
    const without = cookie.replaceAll('__Host-', '');
    expect(await (await app.request('/read', { headers: { cookie: without } })).json()).toEqual([null, null]);
  });

  it('are taken away under the names under which they were given', async () => {
    expect((await cookiesOf('/end')).map((line) => line.split('; ').slice(0, 2))).toEqual([
      ['__Host-taskstream-session=', 'Max-Age=0'],
      ['__Host-taskstream-login-a-state=', 'Max-Age=0'],
    ]);
  });

  it('hold no more than browsers keep, for the longest subject and owner', async () => {
    const long = 'ä'.repeat(255);
    const caller = { subject: long, owner: long, scopes: new Set(['tasks:read', 'tasks:write', 'tasks:admin']) };
    const all = new Hono<ApiEnv>().get('/', async (c) => {
      await sessions.begin(c, { caller, name: 'ä'.repeat(100) });
      return c.text('');
    });
    expect((await all.request('/')).headers.getSetCookie()[0]?.length).toBeLessThan(4_096);
  });
});

it('a cookie that is not known is not even opened for a network that asked too often, and one that is goes on', async () => {
  const issuer = await startIssuer();
  const authentication = { ...authenticationBy(issuer), sessions };
  const api = await startLoneApi({ rateLimitPerMinute: 3, authentication });
  try {
    const statusOf = async (cookie = ''): Promise<number> =>
      (await fetch(`${api.url}/tasks/none`, { headers: { cookie } })).status;
    const [known, other] = (await Promise.all([cookiesOf('/begin'), cookiesOf('/begin')])).map(([line]) => line);
    expect(await statusOf(known)).toBe(400);
    expect([await statusOf(), await statusOf(), await statusOf(), await statusOf()]).toEqual([401, 401, 401, 429]);
    expect([await statusOf(known), await statusOf(other)]).toEqual([400, 429]);
  } finally {
    await api.close();
    await issuer.close();
  }
});
