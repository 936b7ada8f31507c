import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { createMappingGate } from '../../services/pipeline/index/mapping-gate.ts';
import { createElasticsearch, elasticsearchEnv } from '../../services/platform/elasticsearch.ts';
import { ForeignAnswerError } from '../../services/platform/elasticsearch-answer.ts';
import { readEnv } from '../../services/platform/env.ts';
import { createHttpProxy, type HttpProxy, type ProxyAnswer } from '../support/http-proxy.ts';
import { ODD_ANSWERS } from '../support/odd-answers.ts';
import { createTestIndex, type TestIndex } from '../support/search-index.ts';

let index: TestIndex;
let proxy: HttpProxy;
let client: ReturnType<typeof createElasticsearch>;
let answer: ProxyAnswer | undefined;

beforeAll(async () => {
  index = await createTestIndex(inject('elasticsearchUrl'));
  proxy = await createHttpProxy(inject('elasticsearchUrl'), { answer: () => answer });
  client = createElasticsearch(readEnv(elasticsearchEnv, { ELASTICSEARCH_URL: proxy.url }));
});
beforeEach(() => {
  answer = undefined;
});
afterAll(async () => {
  await client.close();
  await proxy.close();
  await index.close();
});

const html = { 'content-type': 'text/html' };

it('an index is there or not as Elasticsearch says, and neither when something else answers', async () => {
  expect(await client.indices.exists({ index: index.alias })).toBe(true);
  expect(await client.indices.exists({ index: 'not-there' })).toBe(false);
  answer = { status: 302, headers: html, body: '' };
  await expect(client.indices.exists({ index: index.alias })).rejects.toThrow(ForeignAnswerError);
});

it('a status that the caller ignores is an answer, and a refusal of Elasticsearch keeps its status and words', async () => {
  const missing = { index: index.alias, id: 'not-there' };
  expect(await client.get(missing, { ignore: [404] })).toMatchObject({ found: false });
  await expect(client.get(missing)).rejects.toMatchObject({ name: 'ResponseError', statusCode: 404 });
  const wrong = client.search({ index: index.alias, query: { nothing: {} } as never });
  await expect(wrong).rejects.toMatchObject({ statusCode: 400, message: expect.stringContaining('parsing') as string });
});

it.each([401, 403, 404, 413, 429, 503])('%i keeps its meaning whoever says it, and names itself', async (status) => {
  answer = { status, headers: html, body: '<h1>\n  no\n</h1>' };
  const message = `HTTP ${status} (text/html): <h1> no </h1>`;
  await expect(client.count({ index: index.alias })).rejects.toMatchObject({ statusCode: status, message });
});

it.each(ODD_ANSWERS)('a rejection by the index is not final while its mapping cannot be read: %s', async (_, odd) => {
  answer = odd;
  const judge = await createMappingGate(client, { name: 'task', alias: index.alias })();
  expect(judge({ kind: 'index', schemaVersion: 1, hasUnknownField: false })).toMatch(
    /cannot be read: .*(HTTP \d|a JSON object without)/,
  );
});
