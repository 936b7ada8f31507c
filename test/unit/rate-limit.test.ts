import { afterEach, expect, it, vi } from 'vitest';
import { startLoneApi, type LoneApi } from '../support/lone-api.ts';

let api: LoneApi | undefined;
afterEach(async () => {
  vi.useRealTimers();
  await api?.close();
});

/** The status of a request that came over proxies with these entries. */
const ask = async (forwarded: string): Promise<number> =>
  (await fetch(`${api?.url ?? ''}/openapi.json`, { headers: { 'x-forwarded-for': forwarded } })).status;

it.each([
  ['the same IPv4 address', 1, '192.0.2.1', '192.0.2.1', 429],
  ['another IPv4 address', 1, '192.0.2.1', '192.0.2.2', 200],
  ['another address of the same /64', 1, '2001:db8::1', '2001:DB8:0:0:ffff::2', 429],
  ['another /64', 1, '2001:db8::1', '2001:db8:0:1::1', 200],
  ['an IPv4 address in its IPv6 spelling', 1, '192.0.2.1', '::ffff:192.0.2.1', 429],
  ['a port beside the address', 1, '192.0.2.1:4000', '192.0.2.1:5000', 429],
  ['a port beside an IPv6 address', 1, '[2001:db8::1]:4000', '2001:db8::2', 429],
  ['what the client itself wrote before', 1, '198.51.100.1, 192.0.2.1', '198.51.100.2, 192.0.2.1', 429],
  ['the entry of the outer of two proxies', 2, '192.0.2.1, 203.0.113.7', '192.0.2.2, 203.0.113.7', 200],
  ['what the client wrote before two proxies', 2, '9.9.9.9, 192.0.2.1, 203.0.113.7', '192.0.2.1, 203.0.113.8', 429],
  ['a header that nobody may write', 0, '192.0.2.1', '192.0.2.2', 429],
  ['no address at all', 1, 'unknown', 'nonsense', 429],
])('counts clients: %s', async (_, trustedProxies, first, second, status) => {
  api = await startLoneApi({ rateLimitPerMinute: 1, trustedProxies });
  expect(await ask(first)).toBe(200);
  expect(await ask(second)).toBe(status);
});

it('goes by the monotonic clock: a step of an hour ahead and back refuses nobody for an hour', async () => {
  api = await startLoneApi({ rateLimitPerMinute: 1 });
  const now = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now: now + 3_600_000 });
  expect((await fetch(`${api.url}/openapi.json`)).status).toBe(200);
  vi.setSystemTime(now);
  const refused = await fetch(`${api.url}/openapi.json`);
  expect(refused.status).toBe(429);
  for (const name of ['retry-after', 'ratelimit-reset']) {
    expect(Number(refused.headers.get(name))).toBeGreaterThan(0);
    expect(Number(refused.headers.get(name))).toBeLessThanOrEqual(60);
  }
});
