import { afterEach, expect, it, vi } from 'vitest';
import { startLoneApi, type LoneApi } from '../support/lone-api.ts';
import { creationOf } from '../support/sample.ts';

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

const sendBatch = async (operations: readonly object[]) => {
  const body = JSON.stringify({ operations });
  return fetch(`${api?.url ?? ''}/tasks/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
};

it('counts a batch by its operations, and carries out whole what begins below the limit', async () => {
  api = await startLoneApi({ rateLimitPerMinute: 10 });
  const none = (count: number) => Array.from({ length: count }, () => ({ op: 'none' }));
  const small = await sendBatch(none(4));
  expect([small.status, small.headers.get('ratelimit-remaining')]).toEqual([200, '6']);
  const both = await Promise.all([sendBatch(none(12)), sendBatch(none(12))]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 429]);
  expect(Number(both.find(({ status }) => status === 429)?.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await ask('')).toBe(429);
});

it('a batch of which a server that is away failed a part is answered, and counts as failed for the alerts', async () => {
  api = await startLoneApi();
  const partly = await sendBatch([{ op: 'none' }, { op: 'create', task: creationOf('nowhere to go') }]);
  expect(partly.status).toBe(200);
  const { outcomes } = (await partly.json()) as { outcomes: { status: number }[] };
  expect(outcomes.map(({ status }) => status)).toEqual([400, 503]);
  expect(await api.statuses()).toEqual({ 503: 1 });
});
