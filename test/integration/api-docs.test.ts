import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Spectral, type RulesetDefinition } from '@stoplight/spectral-core';
import { oas } from '@stoplight/spectral-rulesets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventContract } from '../../services/api/docs.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { taskIn } from '../support/task.ts';

/** The parts of an OpenAPI document that are looked at. */
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, { responses: object }>>;
  readonly components: {
    readonly schemas: Readonly<
      Record<string, { readonly example?: object; readonly properties?: Readonly<Record<string, object>> }>
    >;
  };
}

/** All rules of Spectral for OpenAPI, those that are off by default too. */
const SPECTRAL: RulesetDefinition = {
  extends: [[oas as RulesetDefinition, 'all']],
  rules: {
    // OpenAPI 3.1 takes the licence's SPDX identifier instead, and not both.
    'license-url': 'off',
    // Whom to ask is the affair of whoever runs the service; a template knows nobody.
    'info-contact': 'off',
  },
};

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

  it('has nothing that Spectral or Redocly minds', async () => {
    const { text } = await api.request('GET', '/openapi.json');
    const spectral = new Spectral();
    spectral.setRuleset(SPECTRAL);
    const results = await spectral.run(text);
    expect(results.map(({ code, message, path }) => `${code} at ${path.join('.')}: ${message}`)).toEqual([]);
    const config = await createConfig({ extends: ['recommended'] });
    const found = await lintFromString({ source: text, absoluteRef: 'openapi.json', config });
    expect(found.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([]);
  });

  it('names what several bodies share, and lets null stand beside the name', async () => {
    const { text } = await api.request('GET', '/openapi.json');
    const { Priority, Task, CreateTask, UpdateTask, PatchTask, SearchTasks } = (JSON.parse(text) as Document).components
      .schemas;
    const named = { $ref: '#/components/schemas/Priority' };
    expect(Priority).toEqual({ type: 'string', enum: ['none', 'low', 'medium', 'high'] });
    for (const schema of [Task, CreateTask, UpdateTask]) expect(schema?.properties?.['priority']).toEqual(named);
    for (const schema of [PatchTask, SearchTasks]) {
      expect(schema?.properties?.['priority']).toEqual({ oneOf: [named, { type: 'null' }] });
    }
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
