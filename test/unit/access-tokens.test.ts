import { exportSPKI, jwtVerify, SignJWT, UnsecuredJWT } from 'jose';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createIssuerKeys } from '../../services/platform/auth/keys.ts';
import { createLogger } from '../../services/platform/logger.ts';
import type { TokenVerifier } from '../../services/platform/auth/tokens.ts';
import { startOpenIdProvider } from '../support/openid-provider.ts';
import { AUDIENCE, createKey, startIssuer, verifierOf, type SigningKey, type TestIssuer } from '../support/issuer.ts';

let issuer: TestIssuer;
let key: SigningKey;
let verifier: TokenVerifier;
let now = 0;

beforeEach(async () => {
  now = performance.now();
  // Requests keep their timers.
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  [issuer, key] = [await startIssuer(), await createKey('first')];
  issuer.publish(key);
  verifier = createVerifier();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await issuer.close();
});

const createVerifier = (): TokenVerifier =>
  verifierOf(issuer.url, { AUTH_ALGORITHMS: 'RS256,ES256', AUTH_CLOCK_TOLERANCE_S: '0' });
const codeOf = async (token: string, by = verifier): Promise<string> =>
  by.verify(token).then(
    () => 'taken',
    (error: unknown) => String((error as { code?: unknown }).code),
  );

it('says who is calling, and which scopes they have', async () => {
  expect(await verifier.verify(await issuer.token(key))).toEqual({
    subject: 'ada',
    owner: 'ada',
    scopes: new Set(['tasks:read', 'tasks:write']),
  });
  const scp = await issuer.token(key, { scope: null, scp: ['tasks:read', 'other'] });
  expect((await verifier.verify(scp)).scopes).toEqual(new Set(['tasks:read', 'other']));
});

it('takes no token that is forged, of somebody else, for somebody else, or of another time', async () => {
  const seconds = Math.floor(Date.now() / 1_000);
  const [stranger, again] = [await createKey('stranger'), await createKey('first')];
  const good = await issuer.token(key);
  const [head = '', , signature = ''] = good.split('.');
  const claims = (more: object) =>
    Buffer.from(JSON.stringify({ iss: issuer.url, aud: AUDIENCE, sub: 'root', exp: seconds + 300, ...more })).toString(
      'base64url',
    );
  // The public key as a shared secret.
  const confused = new SignJWT({ scope: 'tasks:write' })
    .setProtectedHeader({ alg: 'HS256', kid: 'first' })
    .setIssuer(issuer.url)
    .setAudience(AUDIENCE)
    .setSubject('root')
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode(await exportSPKI(key.publicKey)));
  const unsigned = new UnsecuredJWT({ sub: 'root' })
    .setIssuer(issuer.url)
    .setAudience(AUDIENCE)
    .setExpirationTime('5m');
  const none = Buffer.from('{"alg":"none","kid":"first"}').toString('base64url');
  const refused = {
    'an unknown key': issuer.token(stranger),
    'another key of the same name': issuer.token(again),
    'changed claims': `${head}.${claims({})}.${signature}`,
    'alg none': unsigned.encode(),
    'alg none with a signature': `${none}.${claims({})}.${signature}`,
    'the public key as a secret': confused,
    'another audience': issuer.token(key, { aud: 'https://other.example.com' }),
    'no audience': issuer.token(key, { aud: null }),
    'another issuer': issuer.token(key, { iss: 'https://id.example.com' }),
    'an end that is past': issuer.token(key, { exp: seconds - 1 }),
    'no end': issuer.token(key, { exp: null }),
    'a beginning to come': issuer.token(key, { nbf: seconds + 60 }),
    'no subject': issuer.token(key, { sub: null }),
    'no JWT': 'abc',
    'too long': 'a'.repeat(20_000),
  };
  for (const [what, token] of Object.entries(refused))
    expect([what, await codeOf(await token)]).toEqual([what, 'unauthenticated']);
  expect(await codeOf(good)).toBe('taken');
});

it('takes no subject but a name, whatever claim owns', async () => {
  const tenants = verifierOf(issuer.url, { AUTH_OWNER_CLAIM: 'tenant' });
  for (const sub of [5, {}, [], '', true, 'a\u0000b', 'x'.repeat(300)])
    expect([sub, await codeOf(await issuer.token(key, { sub, tenant: 'acme' }), tenants)]).toEqual([
      sub,
      'unauthenticated',
    ]);
  expect(await codeOf(await issuer.token(key, { tenant: 'acme' }), tenants)).toBe('taken');
});

it('refuses a token by a key that nobody can use, as any other', async () => {
  const broken = {
    ...key,
    kid: 'broken',
    jwk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'broken', alg: 'ES256' },
  };
  issuer.publish(key, broken);
  expect(await codeOf(await issuer.token(broken))).toBe('unauthenticated');
});

it('takes a new key at once, and a withdrawn one no longer than five minutes', async () => {
  const [second, token] = [await createKey('second', 'RS256'), await issuer.token(key)];
  expect(await codeOf(token)).toBe('taken');
  now += 11_000;
  issuer.publish(second);
  // Asked for, as it is not known; and with it the first is gone.
  expect(await codeOf(await issuer.token(second))).toBe('taken');
  expect(await codeOf(token)).toBe('unauthenticated');
  issuer.publish(await createKey('third'));
  expect(await codeOf(await issuer.token(second))).toBe('taken');
  now += 300_000;
  // Whoever comes then has it renewed.
  await codeOf(await issuer.token(second));
  await vi.waitFor(async () => {
    expect(await codeOf(await issuer.token(second))).toBe('unauthenticated');
  });
});

it('takes no token of a key that was withdrawn long ago, not even the first after a quiet time', async () => {
  expect(await codeOf(await issuer.token(key))).toBe('taken');
  const stolen = await Promise.all([1, 2, 3].map((n) => issuer.token(key, { jti: String(n) })));
  issuer.publish(await createKey('second'));
  now += 6 * 3_600_000;
  expect(await Promise.all(stolen.map((token) => codeOf(token)))).toEqual(Array(3).fill('unauthenticated'));
});

it('asks for no keys without TLS, whatever the document of an issuer says', async () => {
  const logger = createLogger({ service: 'test', level: 'silent' });
  const token = await issuer.token(key);
  for (const isInsecure of [false, true]) {
    const keys = createIssuerKeys({ issuer: issuer.url, jwksUrl: undefined, isInsecure, logger });
    const judged = jwtVerify(token, keys.get).then(
      () => 'taken',
      (error: unknown) => (error as { code: string }).code,
    );
    expect([isInsecure, await judged]).toEqual([isInsecure, isInsecure ? 'taken' : 'issuer_unavailable']);
  }
});

it('asks the issuer once in a while, however many forged tokens come', async () => {
  expect(await codeOf(await issuer.token(key))).toBe('taken');
  const forged = await issuer.token(await createKey('stranger'));
  for (let n = 0; n < 50; n += 1) await codeOf(forged);
  expect(issuer.questions()).toBeLessThan(3);
});

it('goes on with the keys in hand while the issuer is away, and says honestly when it has none', async () => {
  const token = await issuer.token(key);
  expect(await codeOf(token)).toBe('taken');
  for (const state of ['away', 'hanging'] as const) {
    issuer.be(state);
    now += 400_000;
    expect(await codeOf(token)).toBe('taken');
  }
  issuer.be('away');
  const fresh = createVerifier();
  expect(await codeOf(token, fresh)).toBe('issuer_unavailable');
  const before = issuer.questions();
  expect(await codeOf(token, fresh)).toBe('issuer_unavailable');
  expect(issuer.questions()).toBe(before);
  issuer.be('there');
  now += 11_000;
  expect(await codeOf(token, fresh)).toBe('taken');
});

it('takes no keys from an issuer that names itself otherwise', async () => {
  const other = await startIssuer();
  try {
    const lying = verifierOf(`${other.url}/`, { AUTH_ALGORITHMS: 'ES256', AUTH_CLOCK_TOLERANCE_S: '0' });
    expect(await codeOf(await other.token(key), lying)).toBe('issuer_unavailable');
  } finally {
    await other.close();
  }
});

it('takes the access tokens of an OpenID provider, for client credentials', async () => {
  const provider = await startOpenIdProvider();
  try {
    const taking = verifierOf(provider.url, { AUTH_ALGORITHMS: 'ES256', AUTH_CLOCK_TOLERANCE_S: '0' });
    expect(await taking.verify(await provider.token('tasks:read'))).toEqual({
      subject: 'worker',
      owner: 'worker',
      scopes: new Set(['tasks:read']),
    });
    expect(await codeOf(await issuer.token(key), taking)).toBe('unauthenticated');
  } finally {
    await provider.close();
  }
});
