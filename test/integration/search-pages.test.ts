import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import getPort from 'get-port';
import { RANKED_HITS } from '../../services/pipeline/index/search.ts';
import { textClause } from '../../services/pipeline/index/text.ts';
import type { Task } from '../../services/task/task.ts';
import { startTestApi, type AnswerBody, type TestApi } from '../support/api.ts';
import { startOwnElasticsearch, type OwnElasticsearch } from '../support/embedded-elasticsearch.ts';
import { taskOf } from '../support/events.ts';
import { createTestIndex } from '../support/search-index.ts';
import { waitFor } from '../support/wait.ts';
import { searchFor, TEXT_FIELD } from '../support/sample.ts';

/** Hits that nobody changes. */
const KEPT = 400;

let first: OwnElasticsearch;
let second: OwnElasticsearch;
let api: TestApi;
let kept: ReadonlySet<string>;

beforeAll(async () => {
  const transport = await getPort();
  const cluster = { 'discovery.type': 'multi-node', 'discovery.seed_hosts': `127.0.0.1:${transport}` };
  first = await startOwnElasticsearch({
    ...cluster,
    'node.name': 'first',
    'cluster.initial_master_nodes': 'first',
    'transport.port': String(transport),
  });
  second = await startOwnElasticsearch({ ...cluster, 'node.name': 'second', 'node.roles': 'data' });
  api = await startTestApi({ elasticsearchUrl: first.url, index: await createTestIndex(first.url, { replicas: 1 }) });
  const tasks = Array.from({ length: KEPT }, (_, n) => taskOf({ [TEXT_FIELD]: wordsOf(n) }));
  kept = new Set(tasks.map(({ id }) => id));
  await write(tasks.map((task) => [{ index: { _id: task.id } }, task]));
  await api.index.client.cluster.health({ index: api.index.alias, wait_for_status: 'green', timeout: '60s' });
});
afterAll(async () => {
  await api.close();
  await Promise.all([second.close(), first.close()]);
});

/** Of many lengths, with one of two words up to three times: most scores differ. */
const wordsOf = (n: number): string =>
  `${'herring '.repeat(1 + (n % 3))}${n % 2 === 0 ? 'salt ' : ''}${'and more '.repeat(n % 41)}`.trim();

const write = async (operations: readonly (readonly object[])[]): Promise<void> => {
  await api.index.client.bulk({ index: api.index.alias, refresh: true, operations: operations.flat() });
};

const search = async (body: object): Promise<AnswerBody> => {
  const answer = await api.request('POST', '/tasks/search', body);
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
};

/** Creates, updates and deletes tasks that are not kept, of which some are hits as well, once between two pages. */
const createWriter = (): (() => Promise<void>) => {
  let others: readonly Task[] = [];
  let turn = 0;
  return async () => {
    turn += 1;
    const created = Array.from({ length: 10 }, (_, n) => taskOf({ [TEXT_FIELD]: wordsOf(turn * 7 + n * 5) }));
    const [gone, changed] = [others.slice(0, 5), others.slice(5)];
    await write([
      ...created.map((task) => [{ index: { _id: task.id } }, task]),
      ...gone.map(({ id }) => [{ delete: { _id: id } }]),
      ...changed.map((task) => [{ index: { _id: task.id } }, { ...task, [TEXT_FIELD]: wordsOf(turn + 1) }]),
    ]);
    others = [...changed.slice(-10), ...created];
  };
};

/** Ids of all pages, in their order. */
const walk = async (conditions: object, between: (page: number) => Promise<void>): Promise<string[]> => {
  const seen: string[] = [];
  let cursor: string | null = null;
  for (let page = 1; ; page += 1) {
    const found = await search({ ...conditions, ...(cursor === null ? {} : { cursor }) });
    seen.push(...found.tasks.map(({ id }) => id));
    cursor = found.nextCursor;
    if (cursor === null) return seen;
    expect(found.total).toBeGreaterThanOrEqual(KEPT / 2);
    await between(page);
  }
};

const expectEachOnce = (seen: readonly string[], hits: Iterable<string>): void => {
  expect(new Set(seen).size, 'a hit came twice').toBe(seen.length);
  expect(
    [...hits].filter((id) => !seen.includes(id)),
    'hits that never came',
  ).toEqual([]);
};

describe('pages by cursor while others write', () => {
  it.each([
    ['by score', searchFor('herring')],
    ['by the score of two words', searchFor('salt more')],
    ['newest first', {}],
  ])('show every hit that did not change exactly once, %s', async (_, conditions) => {
    const hits = (await walk({ ...conditions, size: 100 }, () => Promise.resolve())).filter((id) => kept.has(id));
    for (const size of [15, 100]) expectEachOnce(await walk({ ...conditions, size }, createWriter()), hits);
  });

  it('show it once as well when it changes meanwhile and stays a hit', async () => {
    const seen = await walk({ ...searchFor('herring'), size: 20 }, async (page) => {
      const changed = [...kept].filter((_, n) => n % 30 === page % 30);
      await write(
        changed.map((id) => [
          { index: { _id: id } },
          { ...taskOf({ [TEXT_FIELD]: `herring ${'x '.repeat(page)}` }), id },
        ]),
      );
    });
    expectEachOnce(seen, kept);
  });

  it('go on where another replica answers', async () => {
    const writes = createWriter();
    let isAlone = false;
    // Each query has a replica of its own: some of these had the one that goes away.
    const walks = ['herring', 'HERRING', 'Herring', 'hERRING'].map((words) =>
      walk({ ...searchFor(words), size: 25 }, async (page) => {
        await writes();
        if (page === 5) await waitFor('one replica', () => isAlone);
      }),
    );
    await second.kill();
    await waitFor('one node', async () => (await api.index.client.cluster.health()).number_of_nodes === 1);
    isAlone = true;
    for (const seen of await Promise.all(walks)) expectEachOnce(seen, kept);
  });
});

describe('pages while nobody writes', () => {
  it('take an id of no version that RFC 9562 knows', async () => {
    const ids = ['f', 'e', 'd'].map((digit) => '00000000-0000-0000-0000-000000000000'.replaceAll('0', digit));
    await write(ids.map((id) => [{ index: { _id: id } }, { ...taskOf({ [TEXT_FIELD]: 'odd kipper' }), id }]));
    for (const conditions of [searchFor('kipper'), { ...searchFor('kipper'), from: 1 }]) {
      const seen: string[] = [];
      let page = await search({ ...conditions, size: 1 });
      for (; page.nextCursor !== null;) {
        seen.push(...page.tasks.map(({ id }) => id));
        page = await search({ ...searchFor('kipper'), size: 1, cursor: page.nextCursor });
      }
      expect(seen).toEqual(ids.slice('from' in conditions ? 1 : 0));
    }
    await write(ids.map((id) => [{ delete: { _id: id } }]));
  });

  const idsOf = async (body: object): Promise<string[]> => (await search(body)).tasks.map(({ id }) => id);

  it('give the best matches first, then the newest, with the same total on each', async () => {
    const { total } = await search({ ...searchFor('herring'), size: 0 });
    const best: string[] = [];
    for (let from = 0; from < RANKED_HITS; from += 100) {
      best.push(...(await idsOf({ ...searchFor('herring'), from, size: 100 })));
    }
    const scored = await api.index.client.search({
      index: api.index.alias,
      query: textClause(TEXT_FIELD, 'herring')?.must ?? { match_none: {} },
      sort: ['_score', { id: 'desc' }],
      size: RANKED_HITS,
    });
    expect(best).toEqual(scored.hits.hits.map(({ _id }) => _id));

    const pages: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await search({ ...searchFor('herring'), size: 30, ...(cursor === null ? {} : { cursor }) });
      expect(page.total).toBe(total);
      pages.push(...page.tasks.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(pages.slice(0, RANKED_HITS)).toEqual(best);
    expect(pages.slice(RANKED_HITS)).toEqual(pages.slice(RANKED_HITS).sort().reverse());
    expect(pages).toHaveLength(total);
  });

  it('are the same by from as by cursor, and go on from either', async () => {
    for (const size of [30, 100]) {
      let cursor: string | null = null;
      for (let from = 0; from < RANKED_HITS + 3 * size; from += size) {
        const page = await search({ ...searchFor('herring'), size, ...(cursor === null ? {} : { cursor }) });
        const byFrom = await search({ ...searchFor('herring'), size, from });
        expect(byFrom.tasks).toEqual(page.tasks);
        expect(byFrom.nextCursor).toBe(page.nextCursor);
        cursor = page.nextCursor;
      }
    }
  });
});

it('refuses a cursor that an earlier version gave, and one with more than it may hold', async () => {
  const { nextCursor } = await search({ ...searchFor('herring'), size: 1 });
  const position = JSON.parse(Buffer.from(String(nextCursor), 'base64url').toString()) as { query: string };
  const id = [...kept][0];
  for (const foreign of [
    { query: position.query, after: [1.25, id] },
    { ...position, ranked: Buffer.alloc((RANKED_HITS + 1) * 16).toString('base64url') },
    { ...position, ranked: 'AAAA' },
  ]) {
    const cursor = Buffer.from(JSON.stringify(foreign)).toString('base64url');
    const answer = await api.request('POST', '/tasks/search', { ...searchFor('herring'), cursor });
    expect(answer).toMatchObject({ status: 400, body: { code: 'cursor_invalid' } });
    expect(answer.body.error).toContain('begin anew without one');
  }
});
