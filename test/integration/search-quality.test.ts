import { randomUUID } from 'node:crypto';
import { Client, type estypes } from '@elastic/elasticsearch';
import Table from 'cli-table3';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { indexMapping, indexSettings } from '../../services/pipeline/index/search-index.ts';
import { TEXT_MAPPING, textClause } from '../../services/pipeline/index/text.ts';
import { descriptions, judgements, qualityOf, type Judgement, type Quality } from '../support/search-judgements.ts';

const index = `quality-${randomUUID().slice(0, 8)}`;
const unseen = `${index}-unseen`;
const ofForms = `${index}-forms`;
let client: Client;

const createIndex = async (name: string, texts: Iterable<readonly [name: string, text: string]>): Promise<void> => {
  await client.indices.create({
    index: name,
    settings: { index: indexSettings({ shards: 1, replicas: 0, gcDeletes: '1m', refreshInterval: '1s' }) },
    mappings: indexMapping({
      mapping: { dynamic: 'strict', properties: { name: { type: 'keyword' }, text: TEXT_MAPPING } },
      schemaVersion: 1,
    }),
  });
  const operations = Array.from(texts, ([id, text]) => [{ index: { _id: id } }, { name: id, text }]).flat();
  const { errors } = await client.bulk({ index: name, refresh: true, operations });
  expect(errors).toBe(false);
};

beforeAll(async () => {
  client = new Client({ node: inject('elasticsearchUrl') });
  await createIndex(index, descriptions('tuned'));
  await createIndex(unseen, descriptions('unseen'));
  await createIndex(
    ofForms,
    FORMS.map(({ text }) => [text, text]),
  );
});
afterAll(async () => {
  await client.indices.delete({ index: [index, unseen, ofForms], ignore_unavailable: true });
  await client.close();
});

const find = async (query: estypes.QueryDslQueryContainer, where = index): Promise<string[]> => {
  const { hits } = await client.search({ index: where, size: 100, query, sort: ['_score', 'name'] });
  return hits.hits.map(({ _id }) => String(_id));
};

/** As releases up to 0.2.0 searched: every word as it stands. */
const before = (words: string): estypes.QueryDslQueryContainer => ({
  match: { text: { query: words, operator: 'and' } },
});
const now = (words: string): estypes.QueryDslQueryContainer => textClause('text', words)?.must ?? { match_all: {} };

interface Judged extends Quality {
  readonly judgement: Judgement;
  readonly hits: readonly string[];
}

const judge = (all: readonly Judgement[], queryOf: typeof now, where: string): Promise<Judged[]> =>
  Promise.all(
    all.map(async (judgement) => {
      const hits = await find(queryOf(judgement.words), where);
      return { judgement, hits, ...qualityOf(judgement, hits) };
    }),
  );

const meanOf = (all: readonly Judged[], figure: keyof Quality): number =>
  all.reduce((sum, each) => sum + each[figure], 0) / all.length;

const LEAST = { ndcg: 0.9, recall: 0.9, precision: 0.8 };
const LEAST_UNSEEN = { ndcg: 0.95, recall: 0.95, precision: 0.9 };

it('words are found as people type them, the nearest first, and what nobody meant is not', async () => {
  const all = judgements('tuned');
  // The search was tuned by one half; the other says whether that holds for searches that nobody had in mind. The third
  // set is by somebody else.
  const sets = [
    { name: 'tuned', searches: all.filter((_, n) => n % 2 === 0), where: index, least: LEAST },
    { name: 'held back', searches: all.filter((_, n) => n % 2 === 1), where: index, least: LEAST },
    { name: 'unseen', searches: judgements('unseen'), where: unseen, least: LEAST_UNSEEN },
  ];
  const table = new Table({ head: ['searches', 'number', 'query', 'nDCG@10', 'recall@10', 'precision@10'] });
  const results = new Map<string, Judged[]>();
  for (const { name, searches, where } of sets) {
    for (const [version, queryOf] of Object.entries({ 'words as they stand': before, 'this version': now })) {
      const judged = await judge(searches, queryOf, where);
      results.set(name, judged);
      const figures = (['ndcg', 'recall', 'precision'] as const).map((figure) => meanOf(judged, figure).toFixed(2));
      table.push([name, searches.length, version, ...figures]);
    }
  }
  console.info(table.toString());
  for (const name of ['tuned', 'unseen']) {
    for (const { judgement, hits, ndcg } of results.get(name) ?? []) {
      if (ndcg < 0.9) {
        const wanted = [...judgement.grades.keys()].join(' ') || 'nothing';
        console.info(
          `${name}: ${ndcg.toFixed(2)} ${judgement.words}: found ${hits.join(' ') || 'nothing'}; wanted ${wanted}`,
        );
      }
    }
  }
  for (const { name, least } of sets) {
    const judged = results.get(name) ?? [];
    expect(meanOf(judged, 'ndcg'), name).toBeGreaterThan(least.ndcg);
    expect(meanOf(judged, 'recall'), name).toBeGreaterThan(least.recall);
    expect(meanOf(judged, 'precision'), name).toBeGreaterThan(least.precision);
  }
});

/** Texts, what finds each of them and no other, and what does not find it. */
const FORMS: readonly { readonly text: string; readonly by: readonly string[]; readonly not?: readonly string[] }[] = [
  { text: 'ὁ ἄνθρωπος καὶ ᾠδή', by: ['ανθρωπος', 'άνθρωπος', 'ΑΝΘΡΩΠΟΣ', 'και', 'ωδη', 'ᾠδή'] },
  { text: 'רבע ק״ג בָּשָׂר', by: ['בשר', 'בָּשָׂר'] },
  { text: 'מלח ופלפל', by: ['מֶלַח'] },
  { text: 'ста́рый за́мок', by: ['старый', 'замок', 'ЗАМОК'] },
  { text: 'کار', by: ['كار', 'کار'] },
  { text: 'माँ और ज़रा', by: ['मां', 'माँ', 'जरा', 'ज़रा'] },
  { text: '١٢ يوم', by: ['12', '١٢', '۱۲', '१२'] },
  { text: '30 m² at H₂O', by: ['m2', 'm²', 'h2o', 'H₂O'] },
  { text: 'Donau\u00addampf\u00adschiff', by: ['Donaudampfschiff', 'dampfschiff', 'Donau\u00addampfschiff'] },
  { text: 'ʿAlī and Miss O′Hara', by: ['ali', 'ohara', "o'hara", 'O’Hara'] },
  { text: '☎️ or 🧑🏿‍💻', by: ['☎', '☎️', '🧑‍💻', '🧑🏻‍💻'], not: ['⚠️', '☎️⚠️'] },
  { text: '👍🏽 and ⚠️', by: ['👍', '👍🏿', '⚠', '⚠👍'], not: ['☎️'] },
  { text: '물을 마시다', by: ['물', '물을'] },
  {
    text: 'the hedge (+garden, "@shed")',
    by: ['+garden', '@shed', 'shed'],
    not: ['hedge -+garden', 'hedge -@shed', 'hedge -#shed'],
  },
  {
    text: 'v1.2.3 on 10.20.0.1',
    by: ['1.2.3', '1.2', '1.2.', 'v1.2', '10.20.0.1', '10.2', '10.20.0'],
    not: ['12.3', '1.23', '10.21'],
  },
  {
    text: 'order 7834 of 7.000 or 5,000',
    by: ['7.834', '7,834', '7000', '7,000', '5.000', '78'],
    not: ['7.8', '7.83', '78.34'],
  },
  { text: 'prune the roses', by: ['rose', 'pruning', 'ros', 'ros*', 'rozes', 'roses the'], not: ['roses -the', '+++'] },
  { text: 'prepare the budget', by: ['budgets', 'budgett'], not: ['budget/final'] },
  { text: 'ספר', by: ['ספר'], not: ['בית־ספר'] },
  { text: 'archive old invoices', by: ['invoice', 'archives', 'invocies', 'arch inv'], not: ['ice', 'old news'] },
  {
    text: 'wolves, journaux, decisões, lençóis, lápices and a shelf',
    by: ['wolf', 'journal', 'decisão', 'decisao', 'decisoes', 'lencol', 'lápiz', 'shelves'],
  },
  { text: 'Umzüge vergleichen', by: ['Umzug', 'umzuege', 'UMZÜGE'] },
  { text: 'Fußboden wischen', by: ['fussboden', 'FUSSBODEN', 'Boden'] },
  { text: 'Bilderrahmen und Blumentöpfe', by: ['Blumentopf', 'Töpfe', 'Rahmen'] },
  { text: 'crème brûlée', by: ['creme', 'brulee', 'Crème'] },
  { text: 'İzmir ve Diyarbakır', by: ['izmir', 'İZMİR', 'diyarbakir'] },
  { text: 'полить цветы', by: ['цветов', 'цветы'] },
  { text: 'موعد بالمستشفى', by: ['مستشفى', 'المستشفى'] },
  { text: 'בית ועוגה', by: ['עוגה', 'הבית', 'בבית'] },
  { text: 'חלב ותה', by: ['תה', 'החלב'] },
  { text: '社会の問題', by: ['社会', '問題'], not: ['会社'] },
  { text: 'スマートフォンの修理', by: ['フォン', '修理', 'ｽﾏｰﾄﾌｫﾝ'] },
  { text: 'ゴミとりんご', by: ['ごみ', 'ゴミ', 'りんご', 'リンゴ', 'ﾘﾝｺﾞ'] },
  { text: 'ส่งเอกสารภาษี', by: ['เอกสาร', 'ภาษี'] },
  { text: 'compile F# and C++ sources', by: ['F#', 'c++'], not: ['C#'] },
  { text: 'call parseJsonBody()', by: ['parseJson', 'parsejsonbody', 'json', 'json body'] },
  { text: 'close OPS-771', by: ['OPS-771', 'ops', 'ops771', '771'], not: ['OPS-772', '717'] },
  { text: 'refund #8832', by: ['#8832', '8832'], not: ['#8823', '8823'] },
  { text: 'sit in the garden', by: ['sit'], not: ['+garden', '@garden'] },
  { text: "we can’t park, they won't pay", by: ['cant', "can't", 'can’t', 'wont', 'won’t'] },
  { text: 'https://example.net/help/first-steps.html', by: ['first-steps', 'steps', 'example.net'] },
  { text: 'charge the walkie-talkie', by: ['walkietalkie', 'walkie talkie', 'walkie-talkie'] },
  { text: 'ana.lopez@post.test', by: ['ana', 'lopez', 'ana.lopez'] },
  { text: 'jane@mail.example.org', by: ['@mail.example.org', '@example.org', 'jane@mail.example.org'], not: ['@mail'] },
];

it.each(FORMS)(
  '"$text" is found by what people type for it, alone, and by nothing else',
  async ({ text, by, not = [] }) => {
    for (const words of by) expect(await find(now(words), ofForms), words).toEqual([text]);
    for (const words of not) expect(await find(now(words), ofForms), words).not.toContain(text);
  },
);

/** What filters of words have stumbled over: signs, other scripts, forms that fold to more characters, marks alone. */
const PIECES = [
  ...[
    'a',
    'Bc',
    'USER',
    'getUserById',
    '1',
    '23',
    '-',
    '‐',
    '_',
    '+',
    '@',
    '#',
    '++',
    "'",
    '’',
    '.',
    '/',
    ' ',
    ' ',
    '\n',
  ],
  ...[
    'ß',
    'é',
    'İ',
    'ı',
    'æ',
    'ﬁ',
    'ŉ',
    'ǅ',
    '½',
    '①',
    '㌀',
    'ａ',
    'ｶﾞ',
    'カ',
    '会議',
    'の',
    '한국',
    'ก',
    'ำ',
    'ไ',
    'ร้',
    'ខ្មែ',
  ],
  ...[
    'א',
    'لَ',
    'ال',
    'दूध',
    'ё',
    'Ж',
    'ά',
    'ς',
    '\u200b',
    '\u00ad',
    '\u0301',
    '👩‍👩‍👧',
    '🇩🇪',
    '\u{20000}',
    '𝒜',
    'C#',
    '+home',
    '@x',
  ],
];

it('takes every text, and every search for it: no filter refuses what a request may hold', async () => {
  let state = 1;
  /** The same pieces in every run. Source: the generator of POSIX `rand`. */
  const next = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
  const texts = Array.from({ length: 2_000 }, (_, n) =>
    Array.from({ length: n % 50 === 0 ? 400 : 1 + next(25) }, () => PIECES[next(PIECES.length)]).join(''),
  );
  const { items } = await client.bulk({
    index,
    refresh: true,
    operations: texts.flatMap((text) => [{ index: {} }, { name: 'any', text }]),
  });
  expect(items.flatMap(({ index: item }) => item?.error ?? [])).toEqual([]);
  for (const text of texts.slice(0, 200)) await find(now(text));
});
