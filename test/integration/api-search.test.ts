import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { NOT_DELETED } from '../../services/pipeline/index/deletion.ts';
import { indexMapping, migrateIndex } from '../../services/pipeline/index/search-index.ts';
import { taskEntity } from '../../services/task/entity.ts';
import type { Task } from '../../services/task/task.ts';
import { startOwnElasticsearch } from '../support/embedded-elasticsearch.ts';
import { createTestIndex } from '../support/search-index.ts';
import { startTestApi, type AnswerBody, type TestApi } from '../support/api.ts';
import { taskOf } from '../support/events.ts';
import { waitFor } from '../support/wait.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const index = async (tasks: readonly Task[]): Promise<void> => {
  await api.index.client.bulk({
    index: api.index.alias,
    refresh: true,
    operations: tasks.flatMap((task) => [{ index: { _id: task.id } }, task]),
  });
};
const search = async (body: object): Promise<AnswerBody> => {
  const answer = await api.request('POST', '/tasks/search', body);
  expect(answer.status).toBe(200);
  return answer.body;
};

describe('POST /tasks/search', () => {
  it('finds what meets all conditions, the best match first', async () => {
    const long = taskOf({
      description: 'buy zebra food, and much else that has nothing to do with it',
      priority: 'high',
    });
    const short = taskOf({ description: 'zebra food', priority: 'high' });
    await index([
      long,
      short,
      taskOf({ description: 'zebra food', priority: 'low' }),
      taskOf({ description: 'zebra food', priority: 'high', isDone: true }),
      taskOf({ description: 'zebra', priority: 'high' }),
    ]);
    const found = await search({ description: 'FOOD zebra', priority: 'high', isDone: false });
    expect(found).toEqual({ tasks: [short, long], total: 2, nextCursor: null });
    expect((await search({ description: 'zebra' })).total).toBe(5);
    expect((await search({ description: 'zebra', isDone: true })).total).toBe(1);
    expect((await search({ description: 'unicorn' })).tasks).toEqual([]);
    expect((await search({ description: '!?' })).total).toBe(0);
    expect((await search({ size: 0 })).total).toBe(5);
  });

  it('counts exactly and walks to any depth by cursor, each task once', async () => {
    const count = 10_500;
    const tasks = Array.from({ length: count }, () => taskOf({ description: 'herring' }));
    for (let i = 0; i < count; i += 3_500) await index(tasks.slice(i, i + 3_500));
    const seen = new Set<string>();
    let cursor: string | null = null;
    do {
      const page = await search({ description: 'herring', size: 100, ...(cursor === null ? {} : { cursor }) });
      expect(page.total).toBe(count);
      for (const { id } of page.tasks) seen.add(id);
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen.size).toBe(count);
    const [first] = (await search({ description: 'herring', size: 1 })).tasks;
    // Equal matches: the newest first.
    expect(first?.id).toBe(
      tasks
        .map(({ id }) => id)
        .sort()
        .at(-1),
    );
  });
});

it('finds words in other forms, mistyped, or begun, the nearest first; every word narrows, and a hyphen excludes', async () => {
  const [whole, plural, other] = ['refill the aquarium', 'visit aquariums', 'sell the terrarium'].map((description) =>
    taskOf({ description }),
  ) as [Task, Task, Task];
  await index([plural, other, whole]);
  const found = async (description: string) => (await search({ description })).tasks.map(({ id }) => id);
  expect(await found('Aquárium')).toEqual([whole.id, plural.id]);
  expect(await found('aquariums')).toEqual([plural.id, whole.id]);
  expect(await found('aquariun')).toEqual(expect.arrayContaining([whole.id, plural.id]));
  expect(await found('terra')).toEqual([other.id]);
  expect(await found('aquarium visit')).toEqual([plural.id]);
  expect(await found('aquarium -visit')).toEqual([whole.id]);
});

describe('conditions, orders and counts', () => {
  const at = (hours: number) => new Date(Date.UTC(2026, 2, 1, hours)).toISOString();
  const dated = (description: string, start: number | null, due: number | null, more: Partial<Task> = {}) =>
    taskOf({
      description,
      dates: { start: start === null ? null : at(start), due: due === null ? null : at(due) },
      ...more,
    });
  const far = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

  it('finds by the dates, each bound by itself', async () => {
    const word = 'walrus';
    const [one, two, three] = [dated(`${word} a`, 0, 2), dated(`${word} b`, 1, 4), dated(`${word} c`, null, null)];
    await index([one, two, three]);
    const found = async (conditions: object) =>
      (await search({ description: word, ...conditions })).tasks.map(({ id }) => id).sort();
    expect(await found({ dueBefore: at(4) })).toEqual([one.id]);
    expect(await found({ dueBefore: '2026-03-01T05:00:00.001+01:00' })).toEqual([one.id, two.id]);
    expect(await found({ dueAfter: at(4) })).toEqual([two.id]);
    expect(await found({ startAfter: at(1) })).toEqual([two.id]);
    expect(await found({ startBefore: at(1), dueAfter: at(0) })).toEqual([one.id]);
    expect(await found({ dueBefore: null, isDone: null, priority: null, from: null, size: null })).toHaveLength(3);
    expect((await api.request('POST', '/tasks/search', { dueBefore: 'tomorrow' })).status).toBe(400);
  });

  it('finds what is overdue when the search begins, the same on all its pages', async () => {
    const word = 'ibex';
    const late = Array.from({ length: 3 }, () => taskOf({ description: word, dates: { start: null, due: far(-1) } }));
    const soon = taskOf({ description: word, dates: { start: null, due: new Date(Date.now() + 1_500).toISOString() } });
    const others = [
      taskOf({ description: word, dates: { start: null, due: far(-1) }, isDone: true }),
      taskOf({ description: word, dates: { start: null, due: far(1) } }),
      taskOf({ description: word }),
    ];
    await index([...late, soon, ...others]);
    for (const sort of ['relevance', 'created', 'due']) {
      const first = await search({ description: word, overdue: true, sort, size: 2 });
      if (sort === 'relevance') expect(first.total).toBe(3);
      await waitFor('the last one to be due', () => Date.now() > Date.parse(soon.dates.due ?? ''));
      const next = await search({ description: word, overdue: true, sort, size: 2, cursor: first.nextCursor });
      expect([next.total, next.tasks.length]).toEqual(sort === 'relevance' ? [3, 1] : [4, 2]);
    }
    expect((await search({ description: word, overdue: false })).total).toBe(3);
  });

  it('orders by dates and priority over any number of pages; those without come last, and of equals the newest first', async () => {
    const word = 'heron';
    const priorities = ['none', 'low', 'medium', 'high'] as const;
    const tasks = Array.from({ length: 24 }, (_, n) =>
      dated(word, null, n % 5 === 0 ? null : n % 7, { priority: priorities[n % 4] ?? 'none' }),
    );
    await index(tasks);
    const walk = async (sort: string) => {
      const ids: string[] = [];
      let cursor: string | null = null;
      do {
        const page: AnswerBody = await search({
          description: word,
          sort,
          size: 5,
          ...(cursor === null ? {} : { cursor }),
        });
        expect(page.total).toBe(tasks.length);
        ids.push(...page.tasks.map(({ id }) => id));
        cursor = page.nextCursor;
      } while (cursor !== null);
      return ids;
    };
    const newest = tasks.toSorted((a, b) => (a.id < b.id ? 1 : -1));
    const by = (value: (task: Task) => number) => newest.toSorted((a, b) => value(a) - value(b)).map(({ id }) => id);
    expect(await walk('due')).toEqual(
      by(({ dates }) => (dates.due === null ? Infinity : Date.parse(dates.due))).flat(),
    );
    expect(await walk('priority')).toEqual(by(({ priority }) => -priorities.indexOf(priority)));
    expect(await walk('created')).toEqual(newest.map(({ id }) => id));
    expect((await search({ description: word, sort: 'due', from: 22 })).tasks).toHaveLength(2);
    const { nextCursor } = await search({ description: word, sort: 'due', size: 5 });
    const other = await api.request('POST', '/tasks/search', { description: word, sort: 'start', cursor: nextCursor });
    expect(other.body.code).toBe('cursor_invalid');
    expect((await api.request('POST', '/tasks/search', { sort: 'colour' })).status).toBe(400);
  });

  it('counts all hits by the values of fields, whichever page is shown', async () => {
    const word = 'magpie';
    await index([
      taskOf({ description: word, priority: 'high', tags: ['home', 'phone'] }),
      taskOf({ description: word, priority: 'high', isDone: true, tags: ['home'] }),
      taskOf({ description: word, priority: 'low' }),
    ]);
    const asked = { description: word, facets: ['priority', 'isDone', 'tags'] };
    const counts = {
      priority: [
        { value: 'high', count: 2 },
        { value: 'low', count: 1 },
      ],
      isDone: [
        { value: false, count: 2 },
        { value: true, count: 1 },
      ],
      tags: [
        { value: 'home', count: 2 },
        { value: 'phone', count: 1 },
      ],
    };
    const first = await search({ ...asked, size: 1 });
    expect(first).toMatchObject({ total: 3, facets: counts });
    expect(await search({ ...asked, size: 1, cursor: first.nextCursor })).toMatchObject({ total: 3, facets: counts });
    expect(await search({ ...asked, sort: 'due', size: 0 })).toMatchObject({ tasks: [], facets: counts });
    expect(await search({ ...asked, description: 'nothing like it' })).toMatchObject({
      facets: { priority: [], isDone: [], tags: [] },
    });
    expect(await search({ description: word })).not.toHaveProperty('facets');
    expect((await api.request('POST', '/tasks/search', { facets: ['description'] })).status).toBe(400);
  });

  it.each([
    ['Quicksand', 'quicksand', '<mark>Quicksand</mark>'],
    ['in another case and accent', 'quìcksand', 'a <mark>Quicksand</mark> trap'],
    ['as its beginning', 'quicks', 'a <mark>quicksand</mark> trap'],
    ['inflected', 'quicksands', 'one <mark>quicksand</mark>'],
    ['mistyped', 'quikcsand', 'one <mark>quicksand</mark>'],
    ['the end of a longer one', 'quicksand', 'the <mark>trockenquicksand</mark>'],
    ['a part of a name', 'quicksand', 'call load_<mark>quicksand</mark>'],
  ])('shows where the words stand: %s', async (_, words, shown) => {
    const text = shown.replaceAll(/<.?mark>/g, '');
    const task = taskOf({ description: text, tags: ['highlights'] });
    await index([task]);
    const { highlights } = await search({ description: words, highlight: true, size: 100 });
    expect(highlights?.[task.id]).toEqual({ description: shown });
  });

  it('shows words in a text that is no HTML as such, in every order and on every page, and only where it is asked to', async () => {
    const word = `glyph${Date.now()}`;
    const tasks = [`<b>${word}</b> & "more"`, `${word} twice: ${word}`].map((description) => taskOf({ description }));
    await index(tasks);
    const [first, second] = tasks.map(({ id }) => id) as [string, string];
    const expected = {
      [first]: { description: `&lt;b&gt;<mark>${word}</mark>&lt;&#x2F;b&gt; &amp; &quot;more&quot;` },
      [second]: { description: `<mark>${word}</mark> twice: <mark>${word}</mark>` },
    };
    expect((await search({ description: word, highlight: true })).highlights).toEqual(expected);
    expect((await search({ description: word, highlight: true, sort: 'due' })).highlights).toEqual(expected);
    let cursor: string | null = null;
    const seen: object[] = [];
    do {
      const page: AnswerBody = await search({ description: word, highlight: true, size: 1, ...(cursor && { cursor }) });
      seen.push(page.highlights ?? {});
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(Object.assign({}, ...seen)).toEqual(expected);
    expect(await search({ description: word })).not.toHaveProperty('highlights');
    // Nothing was looked for in a text.
    expect((await search({ priority: 'none', highlight: true, size: 1 })).highlights).toEqual({});
  });
});

it('finds on an index of a release before what that release found, and says that a reindex is to come', async () => {
  const before = await createTestIndex(inject('elasticsearchUrl'));
  const { client, alias, index: name } = before;
  await client.indices.delete({ index: name });
  await client.indices.create({
    index: name,
    aliases: { [alias]: { is_write_index: true, filter: NOT_DELETED } },
    mappings: indexMapping({
      ...taskEntity,
      mapping: {
        ...taskEntity.mapping,
        properties: { ...taskEntity.mapping.properties, description: { type: 'text' } },
      },
    }),
  });
  const options = { alias, shards: 1, replicas: 0, gcDeletes: '1m', refreshInterval: '1s' };
  const { pendingReindex } = await migrateIndex(client, taskEntity, options);
  expect(pendingReindex).toEqual([expect.stringMatching(/^description: [^]*analyzer/)]);
  const own = await startTestApi({ index: before });
  try {
    const plants = taskOf({ description: 'water the plants +garden' });
    await client.bulk({ index: alias, refresh: true, operations: [{ index: { _id: plants.id } }, plants] });
    const totalOf = async (description: string) =>
      (await own.request('POST', '/tasks/search', { description })).body.total;
    for (const words of ['plants', 'PLANTS water', '+garden', 'garden']) expect(await totalOf(words), words).toBe(1);
    for (const words of ['plant', '-plants', '+house']) expect(await totalOf(words), words).toBe(0);
    const shown = await own.request('POST', '/tasks/search', { description: 'plants', highlight: true });
    expect(shown.body.highlights).toEqual({ [plants.id]: { description: 'water the <mark>plants</mark> +garden' } });
  } finally {
    await own.close();
  }
});

it('says 503, and no smaller total, when a part of the index does not answer', async () => {
  const { client, alias } = api.index;
  const away = `${alias}-away`;
  const find = () => api.request('POST', '/tasks/search', {});
  expect((await find()).status).toBe(200);
  await client.indices.create({
    index: away,
    settings: { number_of_replicas: 0, 'index.routing.allocation.require._name': 'nowhere' },
    aliases: { [alias]: {} },
    wait_for_active_shards: 0,
  });
  try {
    const answer = await find();
    expect(answer).toMatchObject({ status: 503, body: { code: 'search_unavailable' } });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  } finally {
    await client.indices.delete({ index: away });
  }
  expect((await find()).status).toBe(200);
});

it('says 503 while the index refuses each query, as one that is closed', async () => {
  const closed = await startTestApi();
  try {
    const { client, index } = closed.index;
    const find = () => closed.request('POST', '/tasks/search', { description: 'zebra' });
    await client.indices.close({ index });
    expect(await find()).toMatchObject({ status: 503, body: { code: 'search_unavailable' } });
    await client.indices.open({ index });
    await waitFor('search to go on', async () => (await find()).status === 200);
    await client.indices.putSettings({ index, settings: { 'index.max_result_window': 1 } });
    expect(await find()).toMatchObject({ status: 503, body: { code: 'search_unavailable' } });
  } finally {
    await closed.close();
  }
});

it('says 400 when a query has more words than the server takes', async () => {
  // The bound goes down as threads go up, to 1,024 on a small heap.
  const own = await startOwnElasticsearch({ 'thread_pool.search.size': '64' });
  try {
    const index = await createTestIndex(own.url);
    const few = await startTestApi({ elasticsearchUrl: own.url, index });
    const words = Array.from({ length: 1_300 }, (_, i) => String.fromCharCode(97 + (i % 26), 97 + Math.floor(i / 26)));
    try {
      const answer = await few.request('POST', '/tasks/search', { description: words.join(' ') });
      expect(answer).toMatchObject({
        status: 400,
        body: { code: 'validation_failed', errors: [{ path: 'description' }] },
      });
      expect(answer.body.error).toContain('more words than the search server takes');
      const fewer = { description: words.slice(0, 500).join(' ') };
      expect((await few.request('POST', '/tasks/search', fewer)).status).toBe(200);
    } finally {
      await few.close();
    }
  } finally {
    await own.close();
  }
});
