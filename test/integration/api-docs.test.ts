import { createConfig, lintFromString } from '@redocly/openapi-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventContract } from '../../services/api/docs.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { taskIn } from '../support/task.ts';

/** The parts of an OpenAPI document that are looked at. */
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, { responses: object }>>;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly example?: object }>> };
}

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi({ corsOrigins: ['https://app.example'] });
});
afterAll(() => api.close());

describe('the documentation', () => {
  it('is OpenAPI 3.1 and describes every call, and every reference in it resolves', async () => {
    const { text } = await api.request('GET', '/openapi.json');
    const document = JSON.parse(text) as Document;
    expect(document.openapi).toBe('3.1.0');
    const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(calls.sort()).toEqual([
      'delete /tasks/{id}',
      'get /tasks',
      'get /tasks/{id}',
      'patch /tasks/{id}',
      'post /tasks',
      'post /tasks/batch',
      'post /tasks/search',
      'put /tasks/{id}',
    ]);
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    expect(references.length).toBeGreaterThan(0);
    for (const [, name] of references) expect(Object.keys(document.components.schemas)).toContain(name);
    expect(Object.keys(document.paths['/tasks']?.['post']?.responses ?? {}).sort()).toEqual([
      '201',
      '400',
      '401',
      '403',
      '413',
      '415',
      '422',
      '429',
      '500',
      '503',
    ]);
  });

  it('has nothing that a linter of such documents minds', async () => {
    const { text } = await api.request('GET', '/openapi.json');
    const config = await createConfig({ extends: ['recommended'] });
    const found = await lintFromString({ source: text, absoluteRef: 'openapi.json', config });
    expect(found.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([]);
  });

  it('has examples that the API takes, and one of a task that has all its fields', async () => {
    const { text } = await api.request('GET', '/openapi.json');
    const { CreateTask, UpdateTask, PatchTask, SearchTasks, Task } = (JSON.parse(text) as Document).components.schemas;
    const created = await api.request('POST', '/tasks', CreateTask?.example);
    expect([created.status, created.text]).toEqual([201, expect.anything()]);
    expect(Object.keys(Task?.example ?? {}).sort()).toEqual(Object.keys(created.body.task).sort());
    const updated = await api.request('PUT', `/tasks/${created.body.task.id}`, UpdateTask?.example);
    expect([updated.status, updated.text]).toEqual([200, expect.anything()]);
    const patched = await api.request('PATCH', `/tasks/${created.body.task.id}`, PatchTask?.example);
    expect([patched.status, patched.text]).toEqual([200, expect.anything()]);
    const found = await api.request('POST', '/tasks/search', SearchTasks?.example);
    expect([found.status, found.text]).toEqual([200, expect.anything()]);
  });

  it('has the contract of the events, under the topics of this API', async () => {
    const { headers, text } = await api.request('GET', '/asyncapi.json');
    expect(headers.get('content-type')).toBe('application/json');
    expect(JSON.parse(text)).toEqual(eventContract([taskIn()]));
  });

  it('has a page that loads from this server alone', async () => {
    const page = await api.request('GET', '/docs');
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    const html = page.text;
    expect(html).not.toMatch(/https?:\/\//);
    for (const [, path] of html.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
      expect((await api.request('GET', String(path))).status).toBe(200);
    }
    expect((await api.request('GET', '/')).headers.get('location')).toBe('/docs');
  });

  it('sends security headers, and CORS headers to the origins that were configured', async () => {
    const answer = await api.request('GET', '/tasks', undefined, { origin: 'https://app.example' });
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example');
    const foreign = await api.request('GET', '/tasks', undefined, { origin: 'https://evil.example' });
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
  });
});
