import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { MAX_EVENT_BYTES } from '../../services/pipeline/topics.ts';
import { createMappingGate } from '../../services/pipeline/index/mapping-gate.ts';
import { indexMapping, migrateIndex } from '../../services/pipeline/index/search-index.ts';
import { taskEntity } from '../../services/task/entity.ts';
import { headerOf } from '../../services/platform/kafka/headers.ts';
import { DEAD_LETTER_HEADERS } from '../../services/pipeline/dead-letters/writer.ts';
import { eventRecord, taskOf } from '../support/events.ts';
import { TEST_SETTINGS } from '../support/search-index.ts';
import { failing } from '../support/health.ts';
import { createHttpProxy, type HttpProxy, type HttpProxyHooks } from '../support/http-proxy.ts';
import { createIndexerFixture, type IndexerFixture, type RunningIndexer } from '../support/indexer.ts';
import { ODD_ANSWERS } from '../support/odd-answers.ts';
import { waitFor } from '../support/wait.ts';
import { TEXT_FIELD } from '../support/sample.ts';

let fixture: IndexerFixture;
let indexer: RunningIndexer;
let proxy: HttpProxy;
let refuse: HttpProxyHooks['refuse'];
let answer: HttpProxyHooks['answer'];
let before: HttpProxyHooks['before'];

beforeEach(async () => {
  refuse = undefined;
  answer = undefined;
  before = undefined;
  proxy = await createHttpProxy(inject('elasticsearchUrl'), {
    refuse: (...request) => refuse?.(...request),
    answer: (...request) => answer?.(...request),
    before: async (...request) => (await before?.(...request)) ?? true,
  });
  fixture = await createIndexerFixture({
    kafkaBrokers: inject('kafkaBrokers'),
    elasticsearchUrl: inject('elasticsearchUrl'),
  });
  indexer = await fixture.start({ ELASTICSEARCH_URL: proxy.url, RETRY_ALERT_ATTEMPTS: '3' });
});
afterEach(async () => {
  await fixture.close();
  await proxy.close();
});

const isBulk = (path: string) => path.includes('/_bulk');

/** Produces good events while something refuses them, and sees them wait, and then indexed. */
const waitOut = async (reason: RegExp, repair: () => Promise<unknown>, count = 20): Promise<void> => {
  const tasks = Array.from({ length: count }, () => taskOf());
  await fixture.topics.produce(tasks.map((task) => eventRecord('tasks.event.created', task)));
  const alert = { target: 'elasticsearch' };
  await waitFor(
    'a person to be called',
    async () => (await indexer.metric('taskstream_indexer_retry_alert', alert)) === 1,
  );
  expect((await failing(indexer.health.ready)).join()).toMatch(reason);
  expect(await failing(indexer.health.live)).toEqual([]);
  expect(await indexer.metric('taskstream_indexer_dead_letters_total')).toBe(0);
  await repair();
  await fixture.settled();
  const versions = await fixture.index.versions();
  expect(tasks.filter(({ id }) => !versions.has(id))).toEqual([]);
  expect(await fixture.topics.readAll(fixture.topics.deadLetters)).toEqual([]);
  expect(await failing(indexer.health.ready)).toEqual([]);
  expect(await indexer.metric('taskstream_indexer_retry_alert', alert)).toBe(0);
};

describe('good events wait, and none is given up, while', () => {
  it('the index names an ingest pipeline that is not there', async () => {
    const { client, index } = fixture.index;
    await client.indices.putSettings({ index, settings: { 'index.default_pipeline': 'not-there' } });
    await waitOut(/illegal_argument_exception: pipeline with id \[not-there\]/, () =>
      client.indices.putSettings({ index, settings: { 'index.default_pipeline': null } }),
    );
  });

  it('the alias has no write index', async () => {
    const { client, index, alias } = fixture.index;
    const other = `${alias}-other`;
    await client.indices.create({ index: other });
    await client.indices.updateAliases({
      actions: [{ add: { index, alias, is_write_index: false } }, { add: { index: other, alias } }],
    });
    await waitOut(/no write index is defined/, () =>
      client.indices.updateAliases({
        actions: [{ remove: { index: other, alias } }, { add: { index, alias, is_write_index: true } }],
      }),
    );
  });

  it('the index is closed', async () => {
    const { client, index } = fixture.index;
    await client.indices.close({ index });
    await waitOut(/index_closed_exception|closed/, () => client.indices.open({ index }));
  });

  it('a field has an older mapping, which only a reindex brings up to date', async () => {
    const { client, index, alias } = fixture.index;
    const mapping = indexMapping(taskEntity);
    await client.indices.delete({ index });
    await client.indices.create({
      index,
      aliases: { [alias]: { is_write_index: true } },
      mappings: { ...mapping, properties: { ...mapping.properties, [TEXT_FIELD]: { type: 'integer' } } },
    });
    await migrateIndex(client, taskEntity, { alias, shards: 1, replicas: 0, gcDeletes: '1h', refreshInterval: '1s' });
    await waitOut(new RegExp(`older mapping of ${TEXT_FIELD}: run ops reindex`), async () => {
      const next = `${alias}-next`;
      await client.indices.create({ index: next, settings: TEST_SETTINGS, mappings: mapping });
      await client.indices.updateAliases({
        actions: [{ remove: { index, alias } }, { add: { index: next, alias, is_write_index: true } }],
      });
    });
  });

  it('each request is refused as a whole', async () => {
    let requests = 0;
    refuse = (_method, path) => {
      if (!isBulk(path)) return undefined;
      requests += 1;
      return 400;
    };
    await waitOut(/elasticsearch: .*400|Response Error|refused/, () => {
      // One a try: a refused request is not cut into smaller ones.
      expect(requests).toBeLessThan(20);
      refuse = undefined;
      return Promise.resolve();
    });
  });

  it('something else answers in the place of the index', async () => {
    answer = () => ODD_ANSWERS[0]?.[1];
    await waitOut(/elasticsearch: HTTP 302 \(text\/html\)/, async () => {
      for (const [what, odd, reason] of ODD_ANSWERS) {
        answer = () => odd;
        await waitFor(`the reason of ${what}`, async () => reason.test((await failing(indexer.health.ready)).join()));
      }
      answer = undefined;
    });
  });

  it('a proxy refuses bodies that are smaller than an event may be', async () => {
    const limit = 64;
    refuse = (_method, path, bytes) => (isBulk(path) && bytes > limit ? 413 : undefined);
    await waitOut(/http\.max_content_length/, () => {
      refuse = undefined;
      return Promise.resolve();
    });
  });
});

it('takes no unknown field for poison where a pipeline may have added it', async () => {
  const { client, index, alias } = fixture.index;
  const rejected = { kind: 'index', schemaVersion: 1 } as const;
  const gate = createMappingGate(client, { ...taskEntity, alias });
  const { signal } = new AbortController();
  const judge = async (hasUnknownField: boolean) => (await gate(signal))({ ...rejected, hasUnknownField });
  expect(await judge(true)).toBeUndefined();
  for (const setting of ['default_pipeline', 'final_pipeline']) {
    await client.indices.putSettings({ index, settings: { [`index.${setting}`]: 'of-the-platform' } });
    expect(await judge(true)).toContain('of-the-platform');
    // Any other rejection is about what the event says.
    expect(await judge(false)).toBeUndefined();
    await client.indices.putSettings({ index, settings: { [`index.${setting}`]: '_none' } });
    expect(await judge(true)).toBeUndefined();
  }
});

it('lets nothing wait for a reindex that only looks at the same values in more ways', async () => {
  const { client, index, alias } = fixture.index;
  const mapping = indexMapping(taskEntity);
  // As a release before had it: words as they stand.
  const properties = { ...mapping.properties, [TEXT_FIELD]: { type: 'text' } } as const;
  await client.indices.delete({ index });
  await client.indices.create({ index, aliases: { [alias]: {} }, mappings: { ...mapping, properties } });
  const options = { alias, shards: 1, replicas: 0, gcDeletes: '1h', refreshInterval: '1s' };
  expect((await migrateIndex(client, taskEntity, options)).pendingReindex).toHaveLength(1);
  const judge = await createMappingGate(client, { ...taskEntity, alias })(new AbortController().signal);
  expect(judge({ kind: 'index', schemaVersion: 1, hasUnknownField: false })).toBeUndefined();
});

it('halves a body that is too large, and gives up only an event that is larger than any may be', async () => {
  refuse = (_method, path, bytes) => (isBulk(path) && bytes > MAX_EVENT_BYTES ? 413 : undefined);
  const large = taskOf();
  // It compresses to a few bytes: the topic's bound is on what is compressed.
  const huge = { ...eventRecord('tasks.event.created', large) };
  const value = { ...large, notes: 'a'.repeat(1.5 * MAX_EVENT_BYTES) };
  const good = Array.from({ length: 400 }, () => taskOf({ [TEXT_FIELD]: 'b'.repeat(4_000) }));
  const records = good.map((task) => eventRecord('tasks.event.created', task));
  records.splice(200, 0, {
    ...huge,
    value: Buffer.from(JSON.stringify({ type: 'tasks.event.created', value })),
  });
  await fixture.topics.produce(records);
  await fixture.settled();
  const deadLetters = await fixture.topics.readAll(fixture.topics.deadLetters);
  expect(deadLetters.map((deadLetter) => headerOf(deadLetter, DEAD_LETTER_HEADERS.reason))).toEqual([
    'document_too_large',
  ]);
  expect(deadLetters[0]?.key?.toString()).toBe(large.id);
  const versions = await fixture.index.versions();
  expect(good.filter(({ id }) => !versions.has(id))).toEqual([]);
});

it('is alive while a batch takes many slow requests, longer together than the stall timeout', async () => {
  await indexer.close();
  const stallMs = 11_000;
  const count = 20;
  refuse = (_method, path, bytes) => (isBulk(path) && bytes > 6_000 ? 413 : undefined);
  before = (_method, path) => delay(isBulk(path) ? 1_500 : 0, true);
  const tasks = Array.from({ length: count }, () => taskOf({ [TEXT_FIELD]: 'a'.repeat(4_000) }));
  await fixture.topics.produce(tasks.map((task) => eventRecord('tasks.event.created', task)));
  indexer = await fixture.start({ ELASTICSEARCH_URL: proxy.url, STALL_TIMEOUT_MS: String(stallMs) });
  const failures: string[] = [];
  let settled = { events: 0, at: performance.now() };
  let longestMs = 0;
  await waitFor(
    'all events to be indexed',
    async () => {
      failures.push(...(await failing(indexer.health.live)));
      const events = await indexer.metric('taskstream_indexer_events_total');
      longestMs = Math.max(longestMs, performance.now() - settled.at);
      if (events > settled.events) settled = { events, at: performance.now() };
      return events >= count;
    },
    { timeoutMs: 180_000 },
  );
  expect(failures).toEqual([]);
  expect(longestMs).toBeGreaterThan(stallMs);
});

it('sets aside a value that is nested too deeply to be written, and goes on', async () => {
  const [deep, good] = [taskOf(), taskOf()];
  const depth = 200_000;
  const nested = '['.repeat(depth) + ']'.repeat(depth);
  const value = Buffer.from(
    `{"type":"tasks.event.created","value":${JSON.stringify(deep).slice(0, -1)},"notes":${nested}}}`,
  );
  await fixture.topics.produce([
    { ...eventRecord('tasks.event.created', deep), value },
    eventRecord('tasks.event.created', good),
  ]);
  await fixture.settled();
  const deadLetters = await fixture.topics.readAll(fixture.topics.deadLetters);
  expect(deadLetters.map((deadLetter) => headerOf(deadLetter, DEAD_LETTER_HEADERS.reason))).toEqual([
    'schema_violation',
  ]);
  expect([...(await fixture.index.versions()).keys()]).toEqual([good.id]);
});
