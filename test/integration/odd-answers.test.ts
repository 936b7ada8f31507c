import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { errors } from '@elastic/elasticsearch';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { createMappingGate } from '../../services/pipeline/index/mapping-gate.ts';
import { taskEntity } from '../../services/task/entity.ts';
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
  const gate = createMappingGate(client, { ...taskEntity, alias: index.alias });
  const judge = await gate(new AbortController().signal);
  expect(judge({ kind: 'index', schemaVersion: 1, hasUnknownField: false })).toMatch(
    /cannot be read: .*(HTTP \d|a JSON object without)/,
  );
});

describe('a request has one time for all of its answer', () => {
  let server: Server;
  let slow: ReturnType<typeof createElasticsearch>;
  /** Waits before the answer begins, and before each blank in front of its JSON, in milliseconds. */
  let delays: { readonly first: number; readonly each: number; readonly blanks: number };

  beforeAll(async () => {
    server = createServer((_request, response) => {
      const answering = async (): Promise<void> => {
        await sleep(delays.first);
        response.writeHead(200, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' });
        for (let blank = 0; blank < delays.blanks && !response.destroyed; blank += 1) {
          response.write(' ');
          await sleep(delays.each);
        }
        response.end('{"count":7}');
      };
      void answering();
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const env = { ELASTICSEARCH_URL: `http://127.0.0.1:${port}`, ELASTICSEARCH_TIMEOUT_MS: '500' };
    slow = createElasticsearch(readEnv(elasticsearchEnv, env));
  });
  afterAll(async () => {
    await slow.close();
    server.closeAllConnections();
    server.close();
  });

  it('however slowly it trickles in', async () => {
    delays = { first: 0, each: 100, blanks: 1_000 };
    await expect(slow.count()).rejects.toThrow(errors.TimeoutError);
  });

  it('which may be longer than what the client takes for others', async () => {
    delays = { first: 1_500, each: 0, blanks: 1 };
    expect(await slow.count({}, { requestTimeout: 20_000 })).toMatchObject({ count: 7 });
    await expect(slow.count()).rejects.toThrow(errors.TimeoutError);
  });
});
