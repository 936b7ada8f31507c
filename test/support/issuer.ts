/** An issuer of tokens over HTTP that a test may have do wrong: sign with other keys, change them, hang, or go away. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { authChecks, authEnv } from '../../services/platform/auth/env.ts';
import { createTokenVerifier, type TokenVerifier } from '../../services/platform/auth/tokens.ts';
import { readEnv } from '../../services/platform/env.ts';
import type { Authentication } from '../../services/platform/http/middleware/authenticate.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwk: JWK;
}

export const createKey = async (kid: string, alg = 'ES256'): Promise<SigningKey> => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
};

export interface TestIssuer {
  readonly url: string;
  /** How often its keys were asked for. */
  readonly questions: () => number;
  /** What it shows from now on. */
  publish(...keys: readonly SigningKey[]): void;
  /** `away` refuses, `hanging` takes requests and answers none. */
  be(state: 'there' | 'away' | 'hanging'): void;
  /** An access token of it; claims that are null are left out. */
  token(key: SigningKey, claims?: Readonly<Record<string, unknown>>): Promise<string>;
  close(): Promise<void>;
}

export const AUDIENCE = 'https://tasks.example.com';

/** Judges the tokens of an issuer as the API does. @param settings beside the issuer and the audience */
export const verifierOf = (issuer: string, settings: Readonly<Record<string, string>> = {}): TokenVerifier =>
  createTokenVerifier(
    readEnv(
      authEnv,
      {
        ...{ AUTH: 'oidc', AUTH_ISSUER: issuer, AUTH_AUDIENCE: AUDIENCE, AUTH_INSECURE_ISSUER: 'true' },
        ...settings,
      },
      authChecks,
    ),
    createLogger({ service: 'test', level: 'silent' }),
  );

/** How the API of a test asks who is calling. @param settings as those of {@link verifierOf} */
export const authenticationBy = (
  issuer: Pick<TestIssuer, 'url'>,
  settings?: Readonly<Record<string, string>>,
): Authentication => ({
  verifier: verifierOf(issuer.url, settings),
  issuer: issuer.url,
  scopes: { read: 'tasks:read', write: 'tasks:write', admin: 'tasks:admin' },
});

export const startIssuer = async (): Promise<TestIssuer> => {
  let shown: readonly SigningKey[] = [];
  let state = 'there' as 'there' | 'away' | 'hanging';
  let questions = 0;
  const server = createServer((request, response) => {
    if (state === 'hanging') return;
    if (state === 'away') {
      response.writeHead(503).end();
      return;
    }
    const isKeys = request.url === '/jwks';
    if (isKeys) questions += 1;
    const body = isKeys ? { keys: shown.map(({ jwk }) => jwk) } : { issuer: url, jwks_uri: `${url}/jwks` };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    questions: () => questions,
    publish: (...keys) => {
      shown = keys;
    },
    be: (next) => {
      state = next;
    },
    token: ({ kid, alg, privateKey }, claims = {}) => {
      const now = Math.floor(Date.now() / 1_000);
      const all = { iss: url, aud: AUDIENCE, sub: 'ada', iat: now, exp: now + 300, scope: 'tasks:read tasks:write' };
      const given: [string, unknown][] = Object.entries({ ...all, ...claims });
      const named = given.filter(([, value]) => value !== null);
      return new SignJWT(Object.fromEntries(named)).setProtectedHeader({ alg, kid }).sign(privateKey);
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
};
