import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import { startTestApi, type TestApi } from '../support/api.ts';
import { authenticationBy, createKey, startIssuer, type SigningKey, type TestIssuer } from '../support/issuer.ts';

let issuer: TestIssuer;
let key: SigningKey;
let api: TestApi;
beforeAll(async () => {
  [issuer, key] = [await startIssuer(), await createKey('first')];
  issuer.publish(key);
  api = await startTestApi({ authentication: authenticationBy(issuer) });
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
const either = (scope: string) => [{ oidc: [scope] }, { bearer: [scope] }];
const call = (method: string, path: string, headers: Record<string, string>) =>
  api.request(method, path.replace('{id}', uuidv7()), method === 'GET' ? undefined : '{}', headers);

describe('every call of the document', () => {
  it('says which scope it needs, and from whom', async () => {
    const document = await calls();
    expect(document.components.securitySchemes).toEqual({
      oidc: { type: 'openIdConnect', openIdConnectUrl: `${issuer.url}/.well-known/openid-configuration` },
      bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
    });
    expect(
      Object.fromEntries(document.calls.map(({ method, path, security }) => [`${method} ${path}`, security])),
    ).toEqual({
      'GET /tasks': either('tasks:read'),
      'GET /tasks/{id}': either('tasks:read'),
      'POST /tasks/search': either('tasks:read'),
      'POST /tasks': either('tasks:write'),
      'POST /tasks/batch': either('tasks:write'),
      'PUT /tasks/{id}': either('tasks:write'),
      'PATCH /tasks/{id}': either('tasks:write'),
      'DELETE /tasks/{id}': either('tasks:write'),
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
          status === 401 || status === 403 || status >= 500 ? status : 'taken',
          given.get('www-authenticate'),
          status === 401 || status === 403 ? body.code : '',
        ]);
      }
      const realm = 'Bearer realm="taskstream"';
      const invalid = `${realm}, error="invalid_token", error_description="The access token is not valid."`;
      expect([method, path, answers.slice(0, 5)]).toEqual([
        method,
        path,
        [
          [401, realm, 'unauthenticated'],
          [401, realm, 'unauthenticated'],
          [401, invalid, 'unauthenticated'],
          [401, invalid, 'unauthenticated'],
          [403, `${realm}, error="insufficient_scope", scope="${scope}"`, 'insufficient_scope'],
        ],
      ]);
      // A body of nothing, or an id of nothing: what it asks is judged.
      expect([method, path, answers[5]]).toEqual([method, path, ['taken', null, '']]);
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

it('whatever is for everybody waits for no issuer', async () => {
  const hanging = await startIssuer();
  hanging.be('hanging');
  const waiting = await startTestApi({ authentication: authenticationBy(hanging) });
  try {
    const headers = bearer(await hanging.token(key));
    const asked = waiting.request('GET', '/tasks', undefined, headers);
    const first = await Promise.race([
      asked.then(() => 'a task'),
      waiting.request('GET', '/openapi.json', undefined, headers).then(({ status }) => status),
    ]);
    expect(first).toBe(200);
    expect((await asked).body.code).toBe('issuer_unavailable');
  } finally {
    await waiting.close();
    await hanging.close();
  }
}, 30_000);

it('the documents and the page are there for everybody, and say nothing of any task', async () => {
  for (const path of ['/openapi.json', '/asyncapi.json', '/docs']) {
    expect([path, (await api.request('GET', path)).status]).toEqual([path, 200]);
  }
});
