/** An OAuth 2.0 token endpoint for one client with client credentials (RFC 6749, section 4.4), over TLS on loopback. */
import { createSign, generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:https';
import getPort from 'get-port';
import type { Certificate } from './certificates.ts';

/** Whom the tokens are for. */
export const AUDIENCE = 'kafka';
const KEY_ID = 'test';
/** Short, so that a client has to fetch a second one within a test. */
const LIFETIME_SECONDS = 30;

export interface TokenEndpoint {
  readonly url: string;
  /** What the broker checks tokens with: a JSON Web Key Set. */
  readonly jwks: string;
  /** Tokens that were given so far. */
  given(): number;
  close(): Promise<void>;
}

export const startTokenEndpoint = async (
  { cert, key }: Certificate,
  client: { readonly name: string; readonly password: string },
): Promise<TokenEndpoint> => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  let given = 0;
  const encoded = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const token = (): string => {
    const now = Math.floor(Date.now() / 1_000);
    const claims = { sub: client.name, aud: AUDIENCE, iat: now, exp: now + LIFETIME_SECONDS, jti: randomUUID() };
    const text = `${encoded({ alg: 'RS256', typ: 'JWT', kid: KEY_ID })}.${encoded(claims)}`;
    return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey, 'base64url')}`;
  };
  const server = createServer({ cert, key }, (request, response) => {
    request.resume();
    const [, credentials = ''] = /^Basic (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    const isClient = Buffer.from(credentials, 'base64').toString() === `${client.name}:${client.password}`;
    if (isClient) given += 1;
    response.writeHead(isClient ? 200 : 401, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(
        isClient
          ? { access_token: token(), token_type: 'Bearer', expires_in: LIFETIME_SECONDS }
          : { error: 'invalid_client', error_description: 'no such client, or another secret' },
      ),
    );
  });
  const port = await getPort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${port}/token`,
    jwks: JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, use: 'sig', alg: 'RS256' }] }),
    given: () => given,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
