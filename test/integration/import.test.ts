import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runImport, type ImportOptions } from '../../services/ops/import/run.ts';
import { purgeExpiredKeys } from '../../services/pipeline/write/idempotency.ts';
import { dayReader } from '../../services/task/import/dates.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { creationOf, TEXT_FIELD, updateOf } from '../support/sample.ts';

let api: TestApi;
let folder: string;

beforeAll(async () => {
  api = await startTestApi();
  folder = mkdtempSync(join(tmpdir(), 'taskstream-import-'));
});
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

const importFile = async (name: string, content: string, options: Partial<ImportOptions> = {}) => {
  const file = join(folder, name);
  writeFileSync(file, content);
  const faults: [number, string][] = [];
  const summary = await runImport({
    file,
    format: undefined,
    source: undefined,
    read: { days: dayReader('UTC') },
    concurrency: 16,
    api: { baseUrl: api.url, timeoutMs: 10_000, maxAttempts: 2 },
    onLine: () => undefined,
    onFault: (line, fault) => faults.push([line, fault]),
    ...options,
  });
  return { summary, faults };
};
const stored = async (): Promise<{ description: string; is_done: boolean }[]> =>
  (await api.database.pool.query<{ description: string; is_done: boolean }>('SELECT description, is_done FROM tasks'))
    .rows;

describe('an import', () => {
  it('makes one task of each line, equal lines included, and none when it is repeated', async () => {
    const lineOf = (text: string) => JSON.stringify(creationOf(text));
    const lines = Array.from({ length: 300 }, (_, i) => lineOf(`line ${i % 290}`)).join('\n');
    const first = await importFile('tasks.ndjson', lines);
    expect(first.summary).toEqual({ lines: 300, created: 300, updated: 0, present: 0, refused: 0 });
    const again = await importFile('tasks.ndjson', `${lines}\n${lineOf('new')}`);
    expect(again.summary).toEqual({ lines: 301, created: 1, updated: 0, present: 300, refused: 0 });
    expect(await stored()).toHaveLength(301);
  });

  it('makes nothing twice after the time of idempotency keys, and brings nothing back that was deleted', async () => {
    const pass = async () => {
      await api.database.pool.query(`UPDATE idempotency_keys SET created_at = created_at - interval '721 hours'`);
      await purgeExpiredKeys(api.database.pool, 720, 2);
    };
    const lines = ['same', 'x done', 'edited', 'deleted', 'bought id:none'];
    await importFile('late.txt', lines.join('\n'));
    const idOf = async (description: string) => {
      const { rows } = await api.database.pool.query<{ id: string }>('SELECT id FROM tasks WHERE description = $1', [
        description,
      ]);
      return rows[0]?.id ?? '';
    };
    await api.request('PATCH', `/tasks/${await idOf('same')}`, { tags: ['from', 'the', 'console'] });
    await api.request('DELETE', `/tasks/${await idOf('deleted')}`);
    const before = await stored();
    await pass();
    const { rows } = await api.database.pool.query(`SELECT FROM idempotency_keys WHERE task LIKE '%description%'`);
    expect(rows).toEqual([]);
    for (const late of [lines, ['same', 'x done', '(A) edited due:2026-12-01', 'deleted', 'bought id:none']]) {
      const { summary } = await importFile('late.txt', late.join('\n'));
      const updated = late === lines ? 0 : 1;
      expect(summary).toEqual({ lines: 5, created: 0, updated, present: 5 - updated, refused: 0 });
      await pass();
    }
    expect(await stored()).toHaveLength(before.length);
    expect((await api.request('GET', `/tasks/${await idOf('same')}`)).body.task).toMatchObject({
      tags: ['from', 'the', 'console'],
      version: 2,
    });
    expect((await api.request('GET', `/tasks/${await idOf('edited')}`)).body.task.priority).toBe('high');
  });

  it('reports each bad line with its number and the reason, and takes the others', async () => {
    const { summary, faults } = await importFile(
      'tasks.csv',
      'description,due\ngood,\n  ,2026-01-01\nbad date,tomorrow\nalso good,2026-01-01\n',
    );
    expect(summary).toEqual({ lines: 4, created: 2, updated: 0, present: 0, refused: 2 });
    expect(faults.sort()).toEqual([
      [3, expect.stringContaining('must not be empty')],
      [4, expect.stringContaining('dates.due')],
    ]);
  });

  it('completes what is done, and leaves a task alone that somebody changed since it was imported', async () => {
    await importFile('mine.txt', 'x reopened later');
    expect(await stored()).toContainEqual({ description: 'reopened later', is_done: true });
    const { rows } = await api.database.pool.query<{ id: string }>(
      `SELECT id FROM tasks WHERE description = 'reopened later'`,
    );
    await api.request('PUT', `/tasks/${String(rows[0]?.id)}`, {
      description: 'reopened later',
      priority: 'none',
      dates: {},
      isDone: false,
    });
    await importFile('mine.txt', 'x reopened later');
    expect((await stored()).filter((task) => task.description === 'reopened later')).toEqual([
      { description: 'reopened later', is_done: false },
    ]);
  });

  it('finds the tasks of a file whose line ends changed, and those of a line whose priority, dates or completion did', async () => {
    await importFile('b.csv', 'description,priority\ncsv one,low\ncsv two,low');
    const csv = await importFile('b.csv', 'description,priority\r\ncsv one,low\r\n\r\ncsv two,low\r\nthree,low\r\n');
    expect(csv.summary).toMatchObject({ created: 1, present: 2 });
    await importFile('d.txt', '(A) call bank\n(B) pay rent');
    const done = await importFile('d.txt', 'x 2026-11-26 call bank pri:A\n(A) pay rent due:2026-12-01');
    expect(done.summary).toMatchObject({ created: 0, updated: 2, refused: 0 });
    expect(await stored()).toContainEqual({ description: 'call bank', is_done: true });
    const again = await importFile('d.txt', 'x 2026-11-26 call bank pri:A\n(A) pay rent due:2026-12-01');
    expect(again.summary).toMatchObject({ created: 0, updated: 0, present: 2 });
    const { rows } = await api.database.pool.query(`SELECT priority FROM tasks WHERE description = 'pay rent'`);
    expect(rows).toEqual([{ priority: 'high' }]);
  });

  it('takes each line as the last import of its source left it: one that changed back changes its task, one that did not leaves it alone', async () => {
    const [original, edited] = ['(A) water plants due:2026-12-01', 'x water plants pri:B due:2026-12-02'];
    const imported = async (line: string) => (await importFile('round.txt', line)).summary;
    const task = async () => {
      const { rows } = await api.database.pool.query<{ id: string }>(
        `SELECT id FROM tasks WHERE description = 'water plants'`,
      );
      return (await api.request('GET', `/tasks/${String(rows[0]?.id)}`)).body.task;
    };
    const high = { priority: 'high', dates: { due: '2026-12-01T00:00:00.000Z' }, isDone: false };
    const medium = { priority: 'medium', dates: { due: '2026-12-02T00:00:00.000Z' }, isDone: true };
    expect(await imported(original)).toMatchObject({ created: 1 });
    for (const [line, shown] of [
      [edited, medium],
      [original, high],
      [edited, medium],
    ] as const) {
      expect(await imported(line)).toMatchObject({ created: 0, updated: 1, present: 0 });
      expect(await task()).toMatchObject(shown);
      // Somebody else's change stays while the line says the same.
      const { id } = await task();
      await api.request('PATCH', `/tasks/${id}`, { priority: 'low', isDone: !shown.isDone });
      const { version } = await task();
      expect(await imported(line)).toMatchObject({ updated: 0, present: 1 });
      expect(await task()).toMatchObject({ priority: 'low', isDone: !shown.isDone, version });
    }
    // Of two marks that change one after the other, each counts.
    await imported('(A) water plants due:2026-12-02');
    await imported('x water plants pri:A due:2026-12-02');
    expect(await task()).toMatchObject({ priority: 'high', isDone: true });
  });

  it('corrects the days of a file that was read in another time zone, and makes no second task', async () => {
    const day = `${TEXT_FIELD},due\nread abroad,2026-03-05`;
    await importFile('abroad.csv', day);
    const home = await importFile('abroad.csv', day, { read: { days: dayReader('America/New_York') } });
    expect(home.summary).toMatchObject({ created: 0, updated: 1, refused: 0 });
    const { rows } = await api.database.pool.query(`SELECT due_at FROM tasks WHERE description = 'read abroad'`);
    expect(rows).toEqual([{ due_at: new Date('2026-03-05T05:00:00Z') }]);
  });

  it('takes two files of one name for two sources, and asks for one of standard input and of pipes', async () => {
    for (const name of ['home', 'work']) {
      mkdirSync(join(folder, name));
      const { summary } = await importFile(join(name, 'todo.txt'), 'the same line');
      expect(summary).toMatchObject({ created: 1 });
    }
    await expect(importFile('-', '', { file: '-', format: 'ndjson' })).rejects.toThrow(/--source/);
    // The shell gives `<(…)` another name each time.
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(importFile('-', '', { file: pipe, format: 'ndjson' })).rejects.toThrow(/--source/);
  });

  it('changes the task whose id a line gives, and not with what is older than it', async () => {
    const { body } = await api.request('POST', '/tasks', creationOf('mine'));
    const { id } = body.task;
    const named = await importFile('named.txt', `(A) mine, in other words id:${id}`);
    expect(named.summary).toMatchObject({ created: 0, updated: 1 });
    const old = await importFile('old.ndjson', JSON.stringify(body.task));
    expect(old.summary).toMatchObject({ created: 0, updated: 0, present: 1 });
    expect(await stored()).toContainEqual({ description: 'mine, in other words', is_done: false });
  });

  it('brings back what events say of a task that was restored, and of one that was not in the backup', async () => {
    const { body } = await api.request('POST', '/tasks', creationOf('before the backup'));
    const { id } = body.task;
    const eventOf = (value: unknown, type = 'updated') => JSON.stringify({ partition: 0, offset: 1, type, value });
    const changes = [];
    for (const text of ['first change', 'second change']) {
      changes.push(eventOf((await api.request('PUT', `/tasks/${id}`, updateOf(text))).body.task));
    }
    const lost = await api.request('POST', '/tasks', creationOf('lost'));
    const lostChange = await api.request('PUT', `/tasks/${lost.body.task.id}`, updateOf('lost, changed'));
    const lostEvents = [eventOf(lost.body.task, 'created'), eventOf(lostChange.body.task)];
    await api.database.pool.query('DELETE FROM tasks WHERE id = $1', [lost.body.task.id]);
    // As `ops restore` leaves the row of a backup: its content and times of then, under a version above all others.
    await api.database.pool.query(
      `UPDATE tasks SET description = 'before the backup', is_done = false, version = 9, updated_at = created_at WHERE id = $1`,
      [id],
    );

    const events = [changes[0], lostEvents[0], changes[1], lostEvents[1]].join('\n');
    const { summary } = await importFile('after-backup.ndjson', events);
    expect(summary).toMatchObject({ created: 1, updated: 3, refused: 0 });
    expect((await api.request('GET', `/tasks/${id}`)).body.task).toMatchObject({
      description: 'second change',
      version: 11,
    });
    expect(await stored()).toContainEqual({ description: 'lost, changed', is_done: true });
  });

  it.each([
    ['done.ndjson', (id: string) => JSON.stringify({ id, ...creationOf('in NDJSON') })],
    ['done.csv', (id: string) => `id,${TEXT_FIELD},isDone\n${id},in CSV,\n`],
  ])('leaves a task done where the line that gives its id does not say whether it is: %s', async (name, contentOf) => {
    const { body } = await api.request('POST', '/tasks', creationOf('done'));
    const { id } = body.task;
    await api.request('PUT', `/tasks/${id}`, updateOf('done'));
    const changed = await importFile(name, contentOf(id));
    expect(changed.summary).toMatchObject({ updated: 1, refused: 0 });
    expect((await api.request('GET', `/tasks/${id}`)).body.task).toMatchObject({ isDone: true, version: 3 });
    const opened = await importFile('opened.csv', `id,${TEXT_FIELD},isDone\n${id},opened again,FALSE\n`);
    expect(opened.summary).toMatchObject({ updated: 1 });
    expect((await api.request('GET', `/tasks/${id}`)).body.task).toMatchObject({ isDone: false, version: 4 });
  });

  it('stops with one clear error when the API is not there, or the format is not known', async () => {
    const gone = { baseUrl: 'http://127.0.0.1:1', timeoutMs: 1_000, maxAttempts: 1 };
    await expect(importFile('a.ndjson', JSON.stringify(creationOf('line')), { api: gone })).rejects.toThrow(
      /does not answer/,
    );
    await expect(importFile('a.doc', 'line')).rejects.toThrow(/--format/);
    await expect(importFile('a.ndjson', '', { file: join(folder, 'missing.ndjson') })).rejects.toThrow(/Cannot read/);
  });
});
