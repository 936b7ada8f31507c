import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { lagTable, outboxText } from '../../services/ops/cli/backlog.ts';
import { tableText } from '../../services/ops/cli/table.ts';
import { deadLetterTable } from '../../services/ops/dlq/format.ts';
import { summaryTable } from '../../services/ops/import/act.ts';
import { listTable } from '../../services/ops/reindex/show.ts';
import { tableOf as statusTable } from '../../services/ops/status/show.ts';
import { tableOf as verifyTable } from '../../services/ops/verify/report.ts';
import { messageOf } from '../support/events.ts';

const TOPIC = 'a-topic-of-sixty-characters-'.padEnd(60, 'x');
const POD = 'taskstream-indexer-'.padEnd(63, 'p');
const READER = `${POD}@2001:db8:1234:5678:9abc:def0:1234:5678`;
const OFFSET = 123_456_789_012;
const ID = '0199d3a8-6c5e-7000-8000-0123456789ab';
const INDEX = `${TOPIC}-000017`;
const PROSE = `failed to parse field [dates.due] of type [date] in document with id '${ID}': ${'text '.repeat(60)}`;
const WHEN = '2026-11-24T08:00:00.000Z';

const partition = (number: number, member: string | null) => ({
  ...{ partition: number, end: OFFSET, committed: OFFSET - number, lag: OFFSET, member },
  ...{ rateIn: 123_456, rateOut: 1.5, etaSeconds: null },
});
const lag = {
  ...{ at: WHEN, topic: TOPIC, group: TOPIC, state: 'PreparingRebalance', members: [] },
  partitions: [partition(0, READER), partition(127, null), { ...partition(3, null), lag: null, end: null }],
  total: { lag: OFFSET, rateIn: 123_456, rateOut: 3, etaSeconds: 360_000, unknown: 1 },
};
const outbox = {
  ...{ at: WHEN, depth: OFFSET, oldestAgeSeconds: 360_000, rateIn: 1, rateOut: 2, etaSeconds: null, refused: OFFSET },
  relays: [
    {
      ...{ pid: 4_194_304, address: '2001:db8:1234:5678:9abc:def0:1234:5678', sessionSeconds: 360_000, isHold: true },
      ...{ slots: 32, depth: OFFSET, oldestAgeSeconds: 360_000 },
    },
  ],
  held: [{ id: String(OFFSET), task_id: ID, scope: TOPIC, reason: PROSE, attempts: 17, since: WHEN }],
};
const deadLetter = {
  deadLetter: {
    ...{
      partition: 127,
      offset: OFFSET,
      atMs: Date.parse(WHEN),
      reason: 'unknown_event_type',
      error: PROSE,
      attempts: 1,
    },
    ...{ task: ID, source: { topic: TOPIC, partition: 127, offset: OFFSET, atMs: 0 } },
    message: messageOf({ key: ID, value: null }),
  },
  last: undefined,
};
const counts = { missing: OFFSET, stale: 0, ahead: 0, surplus: 0, content: 0 };
const report = {
  result: {
    ...{ rows: OFFSET, documents: OFFSET, candidates: 0, drift: counts, repaired: counts, undecided: OFFSET },
    ...{ purged: 0, shownDeletions: 0, durationMs: 1, startedAt: new Date(WHEN), withContent: true },
  },
  differences: [
    {
      ...{ id: ID, kind: 'missing' as const, outcome: 'drift' as const, reason: PROSE },
      row: { version: OFFSET, deletedAt: WHEN },
      document: { version: OFFSET, deletedAt: WHEN },
    },
  ],
};
const listed = {
  ...{ index: INDEX, alias: TOPIC, state: 'previous' as const, isWriteBlocked: true, isDiskFull: true },
  ...{ documents: OFFSET, bytes: OFFSET * 1_000, source: 'postgres' as const, startedAt: WHEN, switchedAt: WHEN },
};
const statusRows = [
  { kind: 'ScaledObject', name: POD, state: 'ready' as const, detail: '' },
  { kind: 'Deployment', name: 'taskstream-api', state: 'waiting' as const, detail: `0 of 2 pods; ${POD}: ${PROSE}` },
];
const short = [statusRows[1] ?? statusRows[0]].flatMap((row) => (row === undefined ? [] : [row]));
const summary = {
  ...{ lines: OFFSET, created: 1, updated: 2, present: 3, refused: 4 },
  ...{ skipped: { [PROSE]: 5, [POD]: 6 }, leftOut: { [PROSE]: 7 } },
};

/** Each with what must not be cut. */
const TABLES: Readonly<Record<string, readonly [(width?: number) => string, readonly (string | number)[]]>> = {
  lag: [(width) => lagTable(lag, width), [OFFSET, OFFSET - 127, READER.slice(0, 60), 'unknown', 'nobody']],
  outbox: [(width) => outboxText(outbox, width), [OFFSET, ID, TOPIC, outbox.relays[0]?.address ?? '']],
  'dead letters': [(width) => deadLetterTable([deadLetter], false, width), [ID, OFFSET, TOPIC, 'unknown_event_type']],
  'all dead letters': [(width) => deadLetterTable([deadLetter, deadLetter], true, width), [ID, OFFSET, TOPIC, 'open']],
  verify: [(width) => verifyTable(report, width), [ID, OFFSET, 'missing']],
  indices: [(width) => listTable([listed], width), [INDEX, TOPIC, 'disk full']],
  'live indices': [(width) => listTable([{ ...listed, state: 'live' }], width), [INDEX, TOPIC]],
  status: [(width) => statusTable(statusRows, width), [POD, 'Deployment', 'taskstream-api']],
  'status of short names': [(width) => statusTable(short, width), ['Deployment', 'taskstream-api']],
  import: [(width) => summaryTable(summary, width), [OFFSET, 'already there']],
};

const plainTable = (...args: Parameters<typeof tableText>): string => stripVTControlCharacters(tableText(...args));
const linesOf = (text: string): string[] => text.split('\n');

describe.each(Object.entries(TABLES))('the table of %s', (name, [render, whole]) => {
  it.each([80, 200])('has no line over %i columns with the longest values, and cuts nothing', (width) => {
    // Where CI is set, it has colours without a terminal.
    const text = stripVTControlCharacters(render(width));
    expect(linesOf(text).filter((line) => line.length > width)).toEqual([]);
    // Some numbers have separators.
    for (const value of whole) expect(text.replaceAll(',', '')).toContain(String(value));
    // `dlq show` has the whole error.
    expect(text.includes('…')).toBe(name.includes('dead letters'));
  });

  it('wraps nothing where there is no terminal', () => {
    expect(stripVTControlCharacters(render())).toBe(stripVTControlCharacters(render(10_000)));
  });
});

describe('a table', () => {
  const columns = [{ head: 'name' }, { head: 'count', align: 'right' as const }, { head: 'what', wraps: true }];

  it('is one line a row where it fits', () => {
    expect(
      plainTable(
        columns,
        [
          ['a', 1, 'first'],
          ['bc', 20, 'second'],
        ],
        40,
      ),
    ).toBe(['name  count  what', 'a         1  first', 'bc       20  second'].join('\n'));
  });

  it('wraps prose in its column, and moves below the row what has no room', () => {
    const prose = 'one two three four five six seven';
    expect(plainTable(columns, [['a', 1, prose]], 40)).toBe(
      ['name  count  what', 'a         1  one two three four five six', '             seven'].join('\n'),
    );
    expect(
      plainTable(
        [...columns, { head: 'by' }, { head: 'at' }],
        [
          ['a', 1, prose, 'me', ''],
          ['b', 2, 'x', 'you', 'now'],
        ],
        31,
      ),
    ).toBe(
      [
        'name  count',
        'a         1',
        '    what: one two three four',
        '    five six seven',
        '    by: me',
        'b         2',
        '    what: x  by: you  at: now',
      ].join('\n'),
    );
  });

  it('breaks a word that is wider than a line, whatever it is written in, and keeps its colours', () => {
    const wide = '任务'.repeat(30);
    const text = tableText([{ head: 'x' }, { head: 'y' }], [['a', `\u001b[33m${wide}\u001b[39m`]], 40);
    const lines = linesOf(text.replaceAll(/\u001b\[\d+m/g, ''));
    expect(Math.max(...lines.map((line) => line.replaceAll(/[任务]/g, '##').length))).toBeLessThanOrEqual(40);
    expect(lines.join('').replaceAll(' ', '')).toContain(wide);
  });
});
