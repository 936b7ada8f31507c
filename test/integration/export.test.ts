import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOutput } from '../../services/ops/cli/output.ts';
import { runExport, type ExportOptions } from '../../services/ops/export/run.ts';
import type { Format } from '../../services/ops/import/formats.ts';
import { runImport } from '../../services/ops/import/run.ts';
import { dayReader } from '../../services/task/import/dates.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { runOps } from '../support/ops.ts';

const TASKS = [
  { description: 'plain' },
  {
    description: 'all of it',
    priority: 'high',
    dates: { start: '2026-03-01T08:15:30.125Z', due: '2026-03-05T22:59:59.999Z' },
  },
  { description: 'a day in Berlin', dates: { due: '2026-03-04T23:00:00Z' } },
  { description: 'two\nlines, a "quote"; and,commas', tags: ['a,b', 'c;d', '[e]', '"f"'] },
  { description: 'x (A) 2026-01-01 due:2026-02-02 id:none pri:B +shop @home', tags: ['shop', 'home'] },
  { description: '=1+1', priority: 'low', tags: ['two words', 'ärger', '日本'] },
  { description: 'raw\u2028separator\u2029 \u0085 \u00a0 inside' },
  { description: '"quoted"', tags: ['['] },
  { description: '- starts like a list', tags: ['x'] },
  { description: `long ${'🌱'.repeat(3_900)}` },
];
const DONE = ['plain', 'all of it'];
/** The first, the third, the one with separators and the long one: no time of day, no line break, no mark, no tag of its own. */
const WHOLE_IN_TODO_TXT = 4;

let api: TestApi;
let elsewhere: TestApi;
let folder: string;

beforeAll(async () => {
  [api, elsewhere] = [await startTestApi(), await startTestApi()];
  folder = mkdtempSync(join(tmpdir(), 'taskstream-export-'));
  for (const task of TASKS) {
    const { body } = await api.request('POST', '/tasks', task);
    const { id, description, priority, dates, tags } = body.task;
    if (DONE.includes(description)) {
      await api.request('PUT', `/tasks/${id}`, { description, priority, dates, tags, isDone: true });
    }
  }
});
afterAll(async () => {
  await Promise.all([api.close(), elsewhere.close()]);
  rmSync(folder, { recursive: true });
});

const exported = async (from: TestApi, format: Format, options: Partial<ExportOptions> = {}) => {
  let text = '';
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      text += chunk.toString();
      done();
    },
  });
  const summary = await runExport({
    format,
    timezone: 'Europe/Berlin',
    where: undefined,
    api: { baseUrl: from.url, timeoutMs: 10_000, maxAttempts: 2 },
    output: createOutput(stream),
    signal: new AbortController().signal,
    onPage: () => undefined,
    ...options,
  });
  return { summary, text };
};

const imported = async (to: TestApi, format: Format, text: string) => {
  const file = join(folder, `tasks.${format}`);
  writeFileSync(file, text);
  const faults: string[] = [];
  const summary = await runImport({
    file,
    format,
    source: undefined,
    read: { days: dayReader('Europe/Berlin') },
    concurrency: 8,
    api: { baseUrl: to.url, timeoutMs: 10_000, maxAttempts: 2 },
    onLine: () => undefined,
    onFault: (line, fault) => faults.push(`${line}: ${fault}`),
  });
  expect(faults).toEqual([]);
  return summary;
};

/** The fields of all tasks, in an order that does not depend on their ids. */
const fieldsIn = async (of: TestApi) => {
  const { rows } = await of.database.pool.query<{ fields: string }>(
    `SELECT (task_json(t)::jsonb - '{id,version,createdAt,updatedAt}'::text[])::text AS fields FROM tasks t ORDER BY 1`,
  );
  return rows.map(({ fields }) => fields);
};

describe('an export', () => {
  it.each(['ndjson', 'csv'] as const)('as %s gives all that tasks have, elsewhere and here', async (format) => {
    const { summary, text } = await exported(api, format);
    expect(summary).toEqual({ tasks: TASKS.length, partial: 0, isComplete: true });

    await elsewhere.database.pool.query('DELETE FROM tasks; DELETE FROM idempotency_keys');
    expect(await imported(elsewhere, format, text)).toMatchObject({ created: TASKS.length, refused: 0 });
    expect(await fieldsIn(elsewhere)).toEqual(await fieldsIn(api));
    // Once more, and where the tasks came from: nothing changes.
    expect(await imported(elsewhere, format, text)).toMatchObject({ present: TASKS.length });
    expect(await imported(api, format, text)).toMatchObject({ present: TASKS.length });
  });

  it('as todo.txt is one line a task, and says how many it cannot hold whole', async () => {
    const { summary, text } = await exported(api, 'todotxt');
    const lines = text.trimEnd().split('\n');
    expect(lines).toHaveLength(TASKS.length);
    expect(summary).toMatchObject({ tasks: TASKS.length, partial: TASKS.length - WHOLE_IN_TODO_TXT });
    const day = String.raw`\d{4}-\d{2}-\d{2}`;
    const id = 'id:[0-9a-f-]{36}';
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^x ${day} ${day} plain ${id}$`)));
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^${day} a day in Berlin due:2026-03-05 ${id}$`)));
    expect(lines).toContainEqual(
      expect.stringMatching(new RegExp(`^x ${day} ${day} all of it pri:A t:2026-03-01 due:2026-03-05 ${id}$`)),
    );
    expect(lines).toContainEqual(
      expect.stringMatching(new RegExp(`^\\(C\\) ${day} =1\\+1 \\+two_words \\+ärger \\+日本 ${id}$`)),
    );
    // A day that was written in a time zone is that instant again.
    const whole = lines.filter((line) => /plain|Berlin/.test(line)).join('\n');
    expect(await imported(api, 'todotxt', whole)).toMatchObject({ lines: 2, present: 2 });
  });

  it('has each task once over many pages, with what others write meanwhile', async () => {
    const other = await startTestApi();
    try {
      await other.database.pool.query(
        `INSERT INTO tasks (id, description, created_at, updated_at)
         SELECT gen_random_uuid(), 'task ' || n, now(), now() FROM generate_series(1, 1050) n`,
      );
      const { rows } = await other.database.pool.query<{ id: string }>('SELECT id FROM tasks');
      const writes: Promise<unknown>[] = [];
      const { text } = await exported(other, 'ndjson', {
        onPage: () => {
          writes.push(other.request('POST', '/tasks', { description: `meanwhile ${writes.length}` }));
        },
      });
      const ids = text
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { id: string }).id);
      await Promise.all(writes);
      expect(writes.length).toBeGreaterThan(9);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids).toEqual(expect.arrayContaining(rows.map(({ id }) => id)));
    } finally {
      await other.close();
    }
  });

  it('ends when its reader has enough', async () => {
    const gone = new Writable({
      write: (_chunk, _encoding, done) => {
        done(Object.assign(new Error('gone'), { code: 'EPIPE' }));
      },
    });
    const { summary } = await exported(api, 'ndjson', { output: createOutput(gone) });
    expect(summary).toMatchObject({ tasks: 0, isComplete: false });
  });

  it('writes nothing, not even a header, where the API refuses its conditions, and names their option', async () => {
    const refused = await runOps(['export', '--url', api.url, '--format', 'csv', '--where', '{"isDone":"no"}'], {});
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('--where: isDone: must be true or false');
  });

  it('is a command that takes conditions, and writes nothing but tasks to standard output', async () => {
    const { code, stdout, stderr } = await runOps(['export', '--url', api.url, '--format', 'csv', '--where', '{}'], {});
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/\d tasks\n$/) as string });
    expect(stdout).toMatch(/^description,priority,start,due,isDone,tags,owner,id\n/);
    // The first tasks would be missing without a word.
    const paged = await runOps(['export', '--url', api.url, '--where', '{"isDone": false, "from": 1}'], {});
    expect(paged).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('leave out from') as string });
  });
});
