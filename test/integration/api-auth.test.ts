import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import { createTokenVerifier } from '../../services/platform/auth/tokens.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { AUDIENCE, createKey, startIssuer, type SigningKey, type TestIssuer } from '../support/issuer.ts';

let issuer: TestIssuer;
let key: SigningKey;
let api: TestApi;
beforeAll(async () => {
  [issuer, key] = [await startIssuer(), await createKey('first')];
  issuer.publish(key);
  const config = {
    AUTH_ISSUER: issuer.url,
    AUTH_AUDIENCE: AUDIENCE,
    AUTH_JWKS_URL: undefined,
    AUTH_ALGORITHMS: ['ES256'],
    AUTH_CLOCK_TOLERANCE_S: 30,
  };
  api = await startTestApi({
    authentication: {
      verifier: createTokenVerifier(config, createLogger({ service: 'test', level: 'silent' })),
      issuer: issuer.url,
      scopes: { read: 'tasks:read', write: 'tasks:write' },
    },
  });
});
afterAll(async () => {
  await api.close();
  await issuer.close();
});

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly security: Record<string, string[]>[] }>>>>;
  readonly components: { readonly securitySchemes: object };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const calls = async () => {
  const { paths, components } = JSON.parse((await api.request('GET', '/openapi.json')).text) as Document;
  const found = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => ({ method: method.toUpperCase(), path, security })),
  );
  return { calls: found, components };
};
const call = (method: string, path: string, headers: Record<string, string>) =>
  api.request(method, path.replace('{id}', uuidv7()), method === 'GET' ? undefined : '{}', headers);

describe('every call of the document', () => {
  it('says which scope it needs, and from whom', async () => {
    const document = await calls();
    expect(document.components.securitySchemes).toEqual({
      oidc: { type: 'openIdConnect', openIdConnectUrl: `${issuer.url}/.well-known/openid-configuration` },
    });
    expect(
      Object.fromEntries(document.calls.map(({ method, path, security }) => [`${method} ${path}`, security])),
    ).toEqual({
      'GET /tasks': [{ oidc: ['tasks:read'] }],
      'GET /tasks/{id}': [{ oidc: ['tasks:read'] }],
      'POST /tasks/search': [{ oidc: ['tasks:read'] }],
      'POST /tasks': [{ oidc: ['tasks:write'] }],
      'POST /tasks/batch': [{ oidc: ['tasks:write'] }],
      'PUT /tasks/{id}': [{ oidc: ['tasks:write'] }],
      'PATCH /tasks/{id}': [{ oidc: ['tasks:write'] }],
      'DELETE /tasks/{id}': [{ oidc: ['tasks:write'] }],
    });
  });

  it('is refused without a token, with one that is forged, and with one that lacks the scope; and taken with it', async () => {
    const forged = await issuer.token(await createKey('first'));
    const other = await issuer.token(key, { scope: 'tasks:admin openid' });
    const good = await issuer.token(key);
    for (const { method, path, security } of (await calls()).calls) {
      const [scope = ''] = security[0]?.['oidc'] ?? [];
      const answers = [];
      for (const headers of [
        {},
        { authorization: 'Basic YTpi' },
        bearer('x'),
        bearer(forged),
        bearer(other),
        bearer(good),
      ]) {
        const { status, headers: given, body } = await call(method, path, headers);
        answers.push([
          status < 402 || status === 403 ? status : 'taken',
          given.get('www-authenticate'),
          status === 401 || status === 403 ? body.code : '',
        ]);
      }
      const invalid = 'Bearer error="invalid_token", error_description="The access token is not valid."';
      expect([method, path, answers.slice(0, 5)]).toEqual([
        method,
        path,
        [
          [401, 'Bearer', 'unauthenticated'],
          [401, 'Bearer error="invalid_request"', 'unauthenticated'],
          [401, invalid, 'unauthenticated'],
          [401, invalid, 'unauthenticated'],
          [403, `Bearer error="insufficient_scope", scope="${scope}"`, 'insufficient_scope'],
        ],
      ]);
      expect([method, path, answers[5]?.[1]]).toEqual([method, path, null]);
    }
  });

  it('needs no more than its own scope', async () => {
    const read = bearer(await issuer.token(key, { scope: 'tasks:read' }));
    const write = bearer(await issuer.token(key, { scope: 'tasks:write' }));
    const created = await api.request('POST', '/tasks', { description: 'x' }, write);
    expect(created.status).toBe(201);
    expect((await api.request('GET', `/tasks/${created.body.task.id}`, undefined, read)).status).toBe(200);
    expect((await api.request('GET', `/tasks/${created.body.task.id}`, undefined, write)).status).toBe(403);
    expect((await api.request('DELETE', `/tasks/${created.body.task.id}`, undefined, read)).status).toBe(403);
  });
});

it('the documents and the page are there for everybody, and say nothing of any task', async () => {
  for (const path of ['/openapi.json', '/asyncapi.json', '/docs']) {
    expect([path, (await api.request('GET', path)).status]).toEqual([path, 200]);
  }
});
