import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import getPort from 'get-port';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { createClientTokens, type AccessTokens } from '../../services/platform/auth/client-credentials.ts';
import { request } from '../../services/task/api.ts';
import { startIssuer, verifierOf } from '../support/issuer.ts';
import { startOpenIdProvider, type OpenIdProvider, type OpenIdProviderOptions } from '../support/openid-provider.ts';

let provider: OpenIdProvider;
let [now, before] = [0, 0];
const servers: { close(): unknown }[] = [];

const start = async (options?: OpenIdProviderOptions): Promise<OpenIdProvider> => {
  const started = await startOpenIdProvider(options);
  servers.push(started);
  return started;
};
beforeAll(async () => {
  provider = await startOpenIdProvider();
});
beforeEach(async () => {
  now = performance.now();
  // Requests keep their timers.
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  before = await provider.given();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await provider.be('there');
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
afterAll(() => provider.close());

/** Tokens that the provider gave in this test. */
const given = async (): Promise<number> => (await provider.given()) - before;

const tokensOf = ({ url, client }: OpenIdProvider, more: object = {}): AccessTokens =>
  createClientTokens({
    ...{ issuer: url, clientId: client.id, clientSecret: client.secret },
    ...{ parameters: { scope: 'tasks:read tasks:write' }, isInsecure: true },
    ...more,
  });
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: unknown) => {
      const { code, retriable, message } = error as { code: string; retriable: boolean; message: string };
      return { code, retriable, message };
    },
  );

it.each(['client_secret_basic', 'client_secret_post'] as const)(
  'gets tokens that the API takes from a provider that wants %s',
  async (authentication) => {
    const other = await start({ authentication });
    const token = await tokensOf(other).get();
    expect(await verifierOf(other.url, { AUTH_ALGORITHMS: 'ES256' }).verify(token)).toEqual({
      subject: 'worker',
      owner: 'worker',
      scopes: new Set(['tasks:read', 'tasks:write']),
    });
  },
);

it('asks for one token for all who want one, and for the next shortly before its end', async () => {
  const tokens = tokensOf(provider);
  const first = await Promise.all(Array.from({ length: 20 }, () => tokens.get()));
  expect([new Set(first).size, await given()]).toEqual([1, 1]);
  now += 260_000;
  expect(await tokens.get()).toBe(first[0]);
  now += 20_000;
  expect(await tokens.get()).not.toBe(first[0]);
  expect(await given()).toBe(2);
});

it('renews a token that was refused once, however many were refused with it', async () => {
  const tokens = tokensOf(provider);
  const refused = await tokens.get();
  const others = await Promise.all(Array.from({ length: 20 }, () => tokens.renew(refused)));
  expect([new Set(others).size, others.includes(refused), await given()]).toEqual([1, false, 2]);
  expect(await tokens.renew(refused)).toBe(others[0]);
  expect(await given()).toBe(2);
});

it('says in a sentence without the secret that the client is refused', async () => {
  const failure = await failureOf(tokensOf(provider, { clientSecret: 'wrong 4711' }).get());
  expect(failure).toEqual({
    code: 'unauthenticated',
    retriable: false,
    message: `The issuer ${provider.url} refuses the client worker: invalid_client (client authentication failed)`,
  });
  expect(await failureOf(tokensOf(provider, { parameters: { resource: 'no address' } }).get())).toMatchObject({
    code: 'unauthenticated',
    message: expect.stringContaining('invalid_target') as string,
  });
});

it('leaves what may pass to the rule of its caller: a provider that is away, or not there yet', async () => {
  const tokens = tokensOf(provider);
  await provider.be('away');
  const away = { code: 'issuer_unavailable', retriable: true };
  expect(await failureOf(tokens.get())).toEqual({
    ...away,
    message: `The issuer ${provider.url} gives no token now (other side closed).`,
  });
  await provider.be('there');
  await tokens.get();
  // It has read the document, and asks for the token alone.
  await provider.be('away');
  now += 300_000;
  expect(await failureOf(tokens.get())).toMatchObject(away);
  const port = await getPort();
  const nobody = tokensOf(provider, { issuer: `http://127.0.0.1:${port}` });
  expect(await failureOf(nobody.get())).toEqual({
    ...away,
    message: `The issuer http://127.0.0.1:${port} gives no token now (connect ECONNREFUSED 127.0.0.1:${port}).`,
  });
});

it('gives no secret to an issuer without TLS, one that names itself otherwise, or one that gives no tokens', async () => {
  const issuer = await startIssuer();
  servers.push(issuer);
  const asked = await provider.asked();
  const refused = { code: 'unauthenticated', retriable: false };
  const without = tokensOf(provider, { isInsecure: false });
  expect(await failureOf(without.get())).toMatchObject(refused);
  const other = tokensOf(provider, { issuer: provider.url.replace('127.0.0.1', 'localhost') });
  expect(await failureOf(other.get())).toMatchObject(refused);
  const keysOnly = tokensOf(provider, { issuer: issuer.url });
  expect(await failureOf(keysOnly.get())).toMatchObject({
    ...refused,
    message: `The issuer ${issuer.url} names no token endpoint: it gives no tokens.`,
  });
  expect(await provider.asked()).toBe(asked);
});

it('sends a request again with another token once when the API refuses the first, and no more often', async () => {
  const seen: (string | undefined)[] = [];
  let refusals = 0;
  const server: Server = createServer(({ headers }, response) => {
    seen.push(headers.authorization);
    response.writeHead(refusals-- > 0 ? 401 : 200).end('{"detail":"The access token is not valid here."}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ask = () =>
    request('GET', '/', { baseUrl, tokens: tokensOf(provider), timeoutMs: 5_000, maxAttempts: 3 }, undefined, {});

  refusals = 1;
  expect((await ask()).status).toBe(200);
  expect([seen.length, new Set(seen).size]).toEqual([2, 2]);
  refusals = 9;
  expect(await failureOf(ask())).toEqual({
    code: 'unauthenticated',
    retriable: false,
    message: `${baseUrl} refuses this caller (client worker of ${provider.url}): The access token is not valid here.`,
  });
  expect([seen.length, await given()]).toEqual([4, 4]);
});
