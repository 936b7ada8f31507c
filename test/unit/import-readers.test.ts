import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readCsv } from '../../services/task/import/csv.ts';
import { createKeyMaker } from '../../services/ops/import/key.ts';
import type { ImportLine, Reader } from '../../services/task/import/lines.ts';
import { readNdjson } from '../../services/task/import/ndjson.ts';
import { readTodoTxt } from '../../services/task/import/todotxt.ts';

const read = async (reader: Reader, text: string): Promise<ImportLine[]> => {
  const lines: ImportLine[] = [];
  for await (const line of reader(Readable.from([text]))) lines.push(line);
  return lines;
};
const tasksOf = (lines: ImportLine[]) => lines.flatMap((line) => ('task' in line ? [line.task] : []));
const faultsOf = (lines: ImportLine[]) => lines.flatMap((line) => ('fault' in line ? [[line.line, line.fault]] : []));

describe('NDJSON', () => {
  it('reads tasks, skips empty lines, and reports bad ones by number while the rest goes on', async () => {
    const lines = await read(
      readNdjson,
      '\uFEFF{"description":"a","priority":"high","dates":{"due":"2026-01-01T00:00:00Z"}}\r\n\r\n{oops\n{"descripton":"typo"}\n{"description":"b","isDone":true}',
    );
    expect(tasksOf(lines)).toEqual([
      { description: 'a', priority: 'high', dates: { due: '2026-01-01T00:00:00Z' }, isDone: false },
      { description: 'b', isDone: true },
    ]);
    expect(faultsOf(lines)).toEqual([
      [3, expect.stringContaining('not JSON')],
      [4, expect.stringContaining('description')],
    ]);
  });
});

describe('CSV', () => {
  it('reads quoted fields with commas, quotes and line breaks', async () => {
    const lines = await read(
      readCsv,
      'Description,priority,due,isDone\n"milk, ""fresh""\nand bread",low,2026-05-01,yes\nplain,,,\n',
    );
    expect(tasksOf(lines)).toEqual([
      {
        description: 'milk, "fresh"\nand bread',
        priority: 'low',
        dates: { due: '2026-05-01T00:00:00Z' },
        isDone: true,
      },
      { description: 'plain', isDone: false },
    ]);
  });

  it('reports a row with the wrong number of fields or a bad value by its line', async () => {
    const lines = await read(readCsv, 'description,priority\na,low,extra\nb,urgent\nc,high\n');
    expect(tasksOf(lines).map(({ description }) => description)).toEqual(['c']);
    expect(faultsOf(lines).map(([line]) => line)).toEqual([2, 3]);
  });

  it('refuses a header with a column it does not know', async () => {
    await expect(read(readCsv, 'description,prio\na,low\n')).rejects.toThrow(/"prio"/);
  });
});

describe('todo.txt', () => {
  it.each([
    [
      '(A) Call Mum +family @phone a@b.c +family',
      {
        description: 'Call Mum +family @phone a@b.c +family',
        tags: ['family', 'phone'],
        priority: 'high',
        isDone: false,
      },
    ],
    ['(B) 2026-02-01 Pay', { description: 'Pay', priority: 'medium', isDone: false }],
    ['(D) Later', { description: 'Later', priority: 'low', isDone: false }],
    ['x 2026-03-02 2026-03-01 Done thing pri:A', { description: 'Done thing', priority: 'high', isDone: true }],
    [
      'Tax t:2026-04-01 due:2026-04-15',
      { description: 'Tax', dates: { start: '2026-04-01T00:00:00Z', due: '2026-04-15T00:00:00Z' }, isDone: false },
    ],
    ['xylophone due:tomorrow url:http://x', { description: 'xylophone due:tomorrow url:http://x', isDone: false }],
  ])('reads %s', async (line, task) => {
    expect(tasksOf(await read(readTodoTxt, line))).toEqual([task]);
  });

  it('reports a line without text', async () => {
    expect(faultsOf(await read(readTodoTxt, 'ok\n(A) due:2026-01-01\n'))).toEqual([[2, expect.any(String)]]);
  });
});

describe('the key of a line', () => {
  it('is the same in every run, differs for equal lines, and does not move when lines are added', () => {
    const keysOf = (lines: string[]) => lines.map(createKeyMaker('todo.txt'));
    const first = keysOf(['milk', 'bread', 'milk']);
    expect(new Set(first).size).toBe(3);
    expect(keysOf(['eggs', 'milk', 'bread', 'milk']).slice(1)).toEqual(first);
    expect(createKeyMaker('other.txt')('milk')).not.toBe(first[0]);
  });
});
