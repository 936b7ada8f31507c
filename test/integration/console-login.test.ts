import getPort from 'get-port';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createSealer } from '../../services/platform/auth/sealed.ts';
import { createBrowserSession, type BrowserSession } from '../support/browser-session.ts';
import { openEventStream } from '../support/event-stream.ts';
import { AUDIENCE } from '../support/issuer.ts';
import { CONSOLE_CLIENT, startOpenIdProvider, type OpenIdProvider } from '../support/openid-provider.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import { stopProcess, type ServiceProcess } from '../support/process.ts';

const KEYS = ['the first secret of the sessions in this test', 'the second secret of the sessions in this test'];
const COOKIE = 'taskstream-session';

let pipeline: Pipeline;
let provider: OpenIdProvider;
let url: string;
let env: Record<string, string>;
let api: ServiceProcess;
beforeAll(async () => {
  const port = await getPort();
  url = `http://127.0.0.1:${port}`;
  [pipeline, provider] = await Promise.all([createPipeline(), startOpenIdProvider({ consoleUrl: url })]);
  env = {
    ...{ PORT: String(port), AUTH: 'oidc', AUTH_ISSUER: provider.url, AUTH_AUDIENCE: AUDIENCE },
    ...{ AUTH_INSECURE_ISSUER: 'true', CONSOLE: 'true', CONSOLE_URL: url, CONSOLE_CLIENT_ID: CONSOLE_CLIENT.id },
    ...{ CONSOLE_CLIENT_SECRET: CONSOLE_CLIENT.secret, CONSOLE_SESSION_KEYS: KEYS[0] ?? '' },
  };
  api = await pipeline.startApi({ ...env, LOG_LEVEL: 'trace' });
});
afterEach(() => provider.be('there'));
afterAll(async () => {
  await pipeline.close();
  await provider.close();
});

const loggedIn = async (name = 'root'): Promise<BrowserSession> => {
  const browser = createBrowserSession();
  await browser.logIn(`${url}/console`, name);
  return browser;
};
const cookieOf = (browser: BrowserSession): string => `${COOKIE}=${browser.cookiesOf(url).get(COOKIE) ?? ''}`;
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const JSON_HEADERS = { 'content-type': 'application/json' };
const create = (browser: BrowserSession, headers: Readonly<Record<string, string>>) =>
  browser.request('POST', `${url}/tasks`, { ...JSON_HEADERS, ...headers }, '{"description":"by the console"}');

/** What a session counts for. */
const contextOf = (claim = 'sub', admin = 'tasks:admin') =>
  [provider.url, AUDIENCE, claim, url, 'tasks:read', 'tasks:write', admin].join(' ');

/** A session as the API would seal it. */
const sealed = (keys: readonly string[], seconds: number, context = contextOf()) =>
  createSealer(keys, context).seal(
    COOKIE,
    { sub: 'root', owner: 'root', scopes: ['tasks:read', 'tasks:write', 'tasks:admin'], name: 'root' },
    seconds,
  );
const eventsWith = (cookie: string) => openEventStream(`${url}/console/events`, { cookie });

describe('the login of the console', () => {
  it('leads whoever comes to the provider, and back to the page they wanted, by a cookie that no script can read', async () => {
    const browser = createBrowserSession();
    const page = await browser.logIn(`${url}/console?task=7`, 'root');
    expect([page.status, new URL(page.url).search]).toEqual([200, '?task=7']);
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(await page.text()).toContain('<span>root@example.com</span>');
    expect([...browser.cookiesOf(url).keys()]).toEqual([COOKIE]);
    const again = await createBrowserSession().request('GET', `${url}/console/login`);
    expect(again.headers.getSetCookie()[0]).toMatch(/; HttpOnly; SameSite=Lax$/);
    const asked = new URL(again.headers.get('location') ?? '').searchParams;
    expect(asked.get('code_challenge_method')).toBe('S256');
    expect(asked.get('redirect_uri')).toBe(`${url}/console/callback`);
  });

  it('gives whoever has a session the API and the streams, and nothing without one', async () => {
    const browser = await loggedIn();
    expect((await browser.request('GET', `${url}/tasks`)).status).toBe(200);
    const stream = await eventsWith(cookieOf(browser));
    expect(stream.status).toBe(200);
    expect(['sample', 'following']).toContain((await stream.next())?.event);
    stream.close();
    // Of a stream that nobody reads, none is opened.
    expect((await browser.request('HEAD', `${url}/console/events`)).status).toBe(405);
    const stranger = createBrowserSession();
    for (const path of ['/tasks', '/console/events', '/console/session', '/console/journeys/x?version=1']) {
      const answer = await stranger.request('GET', url + path);
      expect([path, answer.status]).toEqual([path, 401]);
    }
    // Its files are the same for everybody.
    expect((await stranger.request('GET', `${url}/console/main.js`)).status).toBe(200);
  });

  it('takes changes from pages of its own origin alone', async () => {
    const browser = await loggedIn();
    expect((await create(browser, { origin: url })).status).toBe(201);
    for (const headers of [
      {},
      { origin: 'null' },
      { origin: 'https://evil.example' },
      { origin: `${url}.evil.example` },
    ]) {
      const refused = await create(browser, headers);
      expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([403, 'foreign_origin']);
      expect((await browser.request('POST', `${url}/console/logout`, headers)).status).toBe(403);
    }
    const id = '019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b';
    for (const [method, path] of [
      ['PUT', `/tasks/${id}`],
      ['PATCH', `/tasks/${id}`],
      ['DELETE', `/tasks/${id}`],
      ['POST', '/tasks/batch'],
      ['POST', '/tasks/search'],
      ['POST', '/console/dead-letters/0/0/replay'],
      ['POST', '/console/dead-letters/0/0/discard'],
    ] as const) {
      const refused = await browser.request(
        method,
        url + path,
        { ...JSON_HEADERS, origin: 'https://evil.example' },
        '{}',
      );
      expect([method, path, refused.status]).toEqual([method, path, 403]);
    }
    expect((await browser.request('GET', `${url}/tasks`)).headers.get('cache-control')).toBe('no-store');
  });

  it('goes by the token where there is one, and not by the cookie', async () => {
    const browser = await loggedIn();
    const answer = await browser.request('GET', `${url}/tasks`, { authorization: 'Bearer no.token.atall' });
    expect(answer.status).toBe(401);
  });

  it('gives no session to whoever is no administrator, and lets them log in as somebody else', async () => {
    const browser = createBrowserSession();
    const refused = await browser.logIn(`${url}/console`, 'ada');
    expect(refused.status).toBe(403);
    const text = await refused.text();
    expect(text).toContain('ada@example.com lacks the scope tasks:admin: the console shows');
    expect([...browser.cookiesOf(url).keys()]).toEqual([]);
    expect(text).toContain('/console/login?again=true');
    expect((await browser.logIn(`${url}/console/login?again=true`, 'root')).status).toBe(200);
  });

  it('logs out here and at the provider', async () => {
    const browser = await loggedIn();
    const answer = await browser.request('POST', `${url}/console/logout`, { origin: url });
    const { location } = (await answer.json()) as { location: string };
    expect(location.startsWith(`${provider.url}/session/end?`)).toBe(true);
    expect(new URL(location).searchParams.get('post_logout_redirect_uri')).toBe(`${url}/console/logged-out`);
    expect((await browser.request('GET', `${url}/tasks`)).status).toBe(401);
    expect((await browser.request('GET', `${url}/console/logged-out`)).status).toBe(200);
  });
});

describe('a login', () => {
  it('counts in the browser that began it, once', async () => {
    const [victim, attacker] = [createBrowserSession(), createBrowserSession()];
    // The attacker logs in as themselves, and has the victim open the last step.
    const started = await attacker.request('GET', `${url}/console/login`);
    const state = new URL(started.headers.get('location') ?? '').searchParams.get('state') ?? '';
    const step = `${url}/console/callback?code=stolen&state=${state}&iss=${encodeURIComponent(provider.url)}`;
    expect((await victim.request('GET', step)).status).toBe(400);
    expect((await victim.request('GET', `${url}/console/callback`)).status).toBe(400);
    expect(
      (await victim.request('GET', `${url}/console/callback?state=${encodeURIComponent('a; b\r\nc')}`)).status,
    ).toBe(400);
    // A code that the provider never gave.
    expect((await attacker.request('GET', step)).status).toBe(401);
    expect((await attacker.request('GET', step)).status).toBe(400);
  });

  it('is not lost while the provider is away', async () => {
    const browser = createBrowserSession();
    const started = await browser.request('GET', `${url}/console/login`);
    const form = await browser.follow(started.headers.get('location') ?? '');
    const typed = await browser.request('POST', form.url, FORM, 'name=root');
    const resumed = await browser.request('GET', new URL(typed.headers.get('location') ?? '', form.url).href);
    const callback = resumed.headers.get('location') ?? '';
    expect(callback).toContain('/console/callback?code=');
    await provider.be('away');
    const refused = await browser.request('GET', callback);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    await provider.be('there');
    expect((await browser.follow(callback)).url).toBe(`${url}/console`);
  });

  it('may begin many times, of which the browser keeps five', async () => {
    const browser = createBrowserSession();
    for (let i = 0; i < 8; i += 1) await browser.request('GET', `${url}/console/login`);
    const names = [...browser.cookiesOf(url).keys()];
    expect(names.filter((name) => name.startsWith('taskstream-login-'))).toHaveLength(5);
    // Names that a neighbouring host may have set.
    const cookie = Array.from({ length: 9 }, (_, i) => `taskstream-login-@${i}=x`).join('; ');
    expect((await createBrowserSession().request('GET', `${url}/console/login`, { cookie })).status).toBe(302);
  });

  it('that the provider refuses to this client is told in words', async () => {
    const port = await getPort();
    const other = await pipeline.startApi({ ...env, PORT: String(port), CONSOLE_CLIENT_SECRET: 'another' });
    const browser = createBrowserSession();
    const began = await browser.request('GET', `http://127.0.0.1:${port}/console/login`);
    const state = new URL(began.headers.get('location') ?? '').searchParams.get('state') ?? '';
    const query = new URLSearchParams({ code: 'any', state, iss: provider.url });
    const refused = await browser.request('GET', `http://127.0.0.1:${port}/console/callback?${query.toString()}`);
    expect(refused.status).toBe(401);
    expect(await refused.text()).toContain('The provider refuses the client id or its secret.');
    await stopProcess(other);
  });

  it('leads to the console, and nowhere else', async () => {
    for (const to of [
      'https://evil.example/console',
      '//evil.example/console',
      '/docs',
      'javascript:alert(1)',
      '\\\\evil.example',
    ]) {
      const browser = createBrowserSession();
      const page = await browser.logIn(`${url}/console/login?to=${encodeURIComponent(to)}`, 'root');
      expect([to, page.url]).toEqual([to, `${url}/console`]);
    }
  });

  it('says on a page what the provider refused, without a tag of its words', async () => {
    const browser = createBrowserSession();
    const started = await browser.request('GET', `${url}/console/login`);
    const state = new URL(started.headers.get('location') ?? '').searchParams.get('state') ?? '';
    const query = new URLSearchParams({
      state,
      iss: provider.url,
      error: 'access_denied',
      error_description: '<b>No.</b>',
    });
    const refused = await browser.request('GET', `${url}/console/callback?${query.toString()}`);
    expect(refused.status).toBe(401);
    expect(await refused.text()).toContain('access_denied (&lt;b>No.&lt;/b>)');
  });

  it('says that the provider is away, and works again when it is back', async () => {
    const port = await getPort();
    const other = await pipeline.startApi({ ...env, PORT: String(port) });
    await provider.be('away');
    const answer = await createBrowserSession().request('GET', `http://127.0.0.1:${port}/console/login`);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await answer.text()).toContain('Nobody can log in now');
    await stopProcess(other);
    // A browser that has a session goes on.
    await provider.be('there');
    const browser = await loggedIn();
    await provider.be('away');
    expect((await browser.request('GET', `${url}/tasks`)).status).toBe(200);
    const { location } = (await (await browser.request('POST', `${url}/console/logout`, { origin: url })).json()) as {
      location: string;
    };
    // Its document is in hand: whether it answers, the browser will see.
    expect(location).toContain('/session/end');
  });
});

describe('a session', () => {
  it('counts requests by who has logged in: people behind one address take nothing from each other', async () => {
    const port = await getPort();
    const limited = await pipeline.startApi({ ...env, PORT: String(port), RATE_LIMIT_PER_MINUTE: '3' });
    const sealer = createSealer(KEYS, contextOf());
    const ask = async (sub: string) => {
      const content = { sub, owner: sub, scopes: ['tasks:read', 'tasks:write', 'tasks:admin'], name: sub };
      const cookie = `${COOKIE}=${await sealer.seal(COOKIE, content, 60)}`;
      const { status } = await fetch(`http://127.0.0.1:${port}/console/session`, { headers: { cookie } });
      return status;
    };
    for (let n = 0; n < 3; n += 1) expect(await ask('root')).toBe(204);
    expect(await ask('root')).toBe(429);
    expect(await ask('grace')).toBe(204);
    await stopProcess(limited);
  });

  it('ends its streams with it, and says so', async () => {
    const stream = await eventsWith(`${COOKIE}=${await sealed(KEYS.slice(0, 1), 3)}`);
    expect(stream.status).toBe(200);
    const events: string[] = [];
    for (let found = await stream.next(); found !== undefined; found = await stream.next()) events.push(found.event);
    expect(events.at(-1)).toBe('session-ended');
    expect(events).toContain('sample');
  });

  it('is none when it is too old, of other keys or settings, for something else, or was changed', async () => {
    const good = await sealed(KEYS.slice(0, 1), 60);
    const asked = async (text: string) =>
      (await createBrowserSession().request('GET', `${url}/tasks`, { cookie: `${COOKIE}=${text}` })).status;
    expect(await asked(good)).toBe(200);
    const login = createSealer(KEYS.slice(0, 1), contextOf()).seal('taskstream-login', { sub: 'root' }, 60);
    const worthless = [
      await sealed(KEYS.slice(0, 1), -60),
      await sealed(KEYS.slice(1), 60),
      await sealed(KEYS.slice(0, 1), 60, contextOf('tenant')),
      await sealed(KEYS.slice(0, 1), 60, contextOf('sub', 'tasks:write')),
      await login,
      `${good.slice(0, -3)}abc`,
      'x'.repeat(5_000),
      '',
    ];
    for (const text of worthless) expect([text.slice(0, 20), await asked(text)]).toEqual([text.slice(0, 20), 401]);
  });

  it('stands in no log, and no token does, be they good or not', async () => {
    const browser = await loggedIn();
    const session = browser.cookiesOf(url).get(COOKIE) ?? '';
    const forged = `eyJhbGciOiJub25lIn0.${Buffer.from('{"sub":"root"}').toString('base64url')}.`;
    expect((await browser.request('GET', `${url}/tasks`)).status).toBe(200);
    for (const headers of [{ cookie: `${COOKIE}=${session}x` }, { authorization: `Bearer ${forged}` }]) {
      expect((await createBrowserSession().request('GET', `${url}/tasks`, headers)).status).toBe(401);
    }
    expect(api.logs()).toContain('"path":"/tasks"');
    expect(api.logs()).not.toContain(session);
    expect(api.logs()).not.toMatch(/eyJ[\w-]+\./);
  });

  it('outlives a change of the keys', async () => {
    const browser = await loggedIn();
    const cookie = cookieOf(browser);
    const port = await getPort();
    const changed = await pipeline.startApi({
      ...env,
      PORT: String(port),
      CONSOLE_SESSION_KEYS: [...KEYS].reverse().join(','),
    });
    const asked = (headers: Record<string, string>) => fetch(`http://127.0.0.1:${port}/tasks`, { headers });
    expect((await asked({ cookie })).status).toBe(200);
    expect((await asked({ cookie: `${COOKIE}=${await sealed(KEYS.slice(1), 60)}` })).status).toBe(200);
    await stopProcess(changed);
  });
});
