import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readCsv } from '../../services/task/import/csv.ts';
import { createKeyMaker } from '../../services/ops/import/key.ts';
import type { ImportLine, Reader } from '../../services/task/import/lines.ts';
import { dayReader } from '../../services/task/import/dates.ts';
import type { ReadOptions } from '../../services/task/import/lines.ts';
import { textLines } from '../../services/task/import/text-lines.ts';
import { readNdjson } from '../../services/task/import/ndjson.ts';
import { readTodoTxt } from '../../services/task/import/todotxt.ts';
import { runOps } from '../support/ops.ts';

const read = async (
  reader: Reader,
  text: string | Buffer,
  options: Partial<ReadOptions> = {},
): Promise<ImportLine[]> => {
  const lines: ImportLine[] = [];
  const input = Readable.from([text]);
  for await (const line of reader(input, { days: dayReader('UTC'), ...options })) lines.push(line);
  return lines;
};
const identitiesOf = (lines: ImportLine[]) => lines.flatMap((line) => ('identity' in line ? [line.identity] : []));
const latin = (text: string) => Buffer.from(text, 'latin1');
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
        dates: { due: '2026-05-01T00:00:00.000Z' },
        isDone: true,
      },
      { description: 'plain', isDone: false },
    ]);
  });

  it('reports a row with the wrong number of fields or a bad value by its line', async () => {
    const lines = await read(readCsv, 'description,priority\na,low,extra\nb,soonish\nc,high\n');
    expect(tasksOf(lines).map(({ description }) => description)).toEqual(['c']);
    expect(faultsOf(lines).map(([line]) => line)).toEqual([2, 3]);
  });

  it('says what to do about a date and a word that it cannot read', async () => {
    const lines = await read(
      readCsv,
      'description,priority,due,isDone\na,hoch,every 3 days,ja\nb,high,2026-13-01T10:00:00Z,\n',
    );
    expect(faultsOf(lines)).toEqual([
      [
        2,
        expect.stringMatching(
          /"hoch".*--values priority=hoch:high.*"every 3 days".*--date-format.*--values isDone=ja:yes/,
        ),
      ],
      [3, expect.stringContaining('RFC 3339')],
    ]);
  });

  it('refuses a header in another encoding with the option that reads it', async () => {
    const refused = read(readCsv, latin('description,gr\u00fcn\n'));
    await expect(refused).rejects.toMatchObject({
      extensions: { suggestedOptions: ['--encoding', 'windows-1252'] },
    });
  });

  it.each([
    ['German', 'Aufgabe,Notizen,Fällig am,Priorität,Erledigt,Schlagwörter'],
    ['Spanish', 'Tarea,Notas,Fecha de vencimiento,Prioridad,Completado,Etiquetas'],
    ['Portuguese', 'Título,Descrição,Prazo,Prioridade,Concluído,Etiquetas'],
    ['French', 'Tâche,Remarques,Date d’échéance,Priorité,Terminé,Étiquettes'],
    ['Italian', 'Titolo,Descrizione,Scadenza,Priorità,Completato,Etichette'],
    ['Dutch', 'Taak,Opmerkingen,Vervaldatum,Prioriteit,Voltooid,Trefwoorden'],
    ['Polish', 'Zadanie,Opis,Termin,Priorytet,Ukończone,Etykiety'],
    ['Spanish without accents', 'Titulo,Descripcion,Fecha limite,Importancia,Hecho,Categorias'],
  ])('suggests what a header in %s means', async (_, header) => {
    const names = header.split(',');
    const columns = ['description', 'description', 'due', 'priority', 'isDone', 'tags'];
    const maps = names.map((name, index) => `${name}=${columns[index] ?? ''}`);
    const refusal: unknown = await read(readCsv, `${header}\na,b,2026-03-01,,,\n`).catch((error: unknown) => error);
    const { extensions } = refusal as { extensions: { suggestedOptions: string[] } };
    const suggested = extensions.suggestedOptions.filter((option) => option !== '--map');
    expect(suggested.toSorted()).toEqual(maps.toSorted());
  });

  it('takes a name of notes for the title where there is no other', async () => {
    await expect(read(readCsv, 'Opis;Termin\na;2026-03-01\n')).rejects.toMatchObject({
      extensions: { suggestedOptions: ['--map', 'Opis=description', '--map', 'Termin=due'] },
    });
  });

  it('without a header is parted by what parts all of its lines alike', async () => {
    const text = 'Milk, eggs, bread, and so on;2026-05-01;high\nPay rent;2026-05-02;low\nCall Al, Bob;2026-05-03;low\n';
    const suggestedOptions = ['--columns', 'description,due,priority'];
    await expect(read(readCsv, text)).rejects.toMatchObject({ extensions: { suggestedOptions } });
    const lines = await read(readCsv, text, { columns: ['description', 'due', 'priority'] });
    expect(tasksOf(lines).map(({ description }) => description)).toEqual([
      'Milk, eggs, bread, and so on',
      'Pay rent',
      'Call Al, Bob',
    ]);
    // Of one line the number of columns tells.
    const [one] = await read(readCsv, 'Milk, eggs, bread;high\n', { columns: ['description', 'priority'] });
    expect(one).toMatchObject({ task: { description: 'Milk, eggs, bread', priority: 'high' } });
  });

  it('refuses a header with a column it does not know', async () => {
    await expect(read(readCsv, 'description,prio\na,low\n')).rejects.toThrow(/"prio"/);
  });
});

it('a fault of one in a list is said as people count, and an answer of Notion is refused once', async () => {
  const lines = await read(readCsv, `description,tags\na,"b,${'x'.repeat(51)}"\n`);
  expect(faultsOf(lines)).toEqual([[2, 'tags no. 2: must not be longer than 50 characters']]);
  const pages = [1, 2].map(() => ({ object: 'page', properties: { Name: { title: [{ plain_text: 'a' }] } } }));
  await expect(read(readNdjson, JSON.stringify({ object: 'list', results: pages }))).rejects.toThrow(/Notion.* as CSV/);
});

it('words that are not known are one question with one command, however many lines have them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-words-'));
  try {
    const file = join(folder, 'list.csv');
    // Both count.
    const values = ['--values', 'priority=dringend:high', '--values', 'priority=sofort:high'];
    const rows = [
      'a,hoch,ja',
      'b,Hoch,',
      'c,in Kürze,ja',
      'd,hoch,nun',
      'e,hoch,',
      `f,hoch,${'?'.repeat(70)}`,
      'g,dringend,nun',
    ];
    writeFileSync(file, ['description,priority,isDone', ...rows, ''].join('\n'));
    const { code, stdout, stderr } = await runOps(['import', file, ...values], {});
    expect({ code, stdout }).toEqual({ code: 2, stdout: expect.stringMatching(/refused +7/) as string });
    const said = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('importing'));
    expect(said).toEqual([
      // Nothing to be put into a command.
      expect.stringMatching(/^line 7: .*"hoch" is not known.*"\?{59}…" is not known/),
      'priority: not known are "hoch" (4 times, first in line 2), "in Kürze" (in line 4). Put one of high, medium, low, none for each ?:',
      'isDone: not known are "ja" (2 times, first in line 2), "nun" (2 times, first in line 5). Put one of yes, no for each ?:',
      'Try:',
      `  npm run ops -- import ${file} ${values.join(' ')} --values 'priority=hoch:?,inkürze:?' --values 'isDone=ja:?,nun:?'`,
    ]);
    // A gap that was left is no meaning.
    expect((await runOps(['import', file, '--values', 'priority=hoch:?'], {})).stderr).toContain('cannot be ?');
  } finally {
    rmSync(folder, { recursive: true });
  }
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
    [
      `Label +${'🌱'.repeat(50)} @${'x'.repeat(51)} +\u200b`,
      {
        description: `Label +${'🌱'.repeat(50)} @${'x'.repeat(51)} +\u200b`,
        tags: ['🌱'.repeat(50)],
        isDone: false,
      },
    ],
    ['(B) 2026-02-01 Pay', { description: 'Pay', priority: 'medium', isDone: false }],
    ['(D) Later', { description: 'Later', priority: 'low', isDone: false }],
    ['x 2026-03-02 2026-03-01 Done thing pri:A', { description: 'Done thing', priority: 'high', isDone: true }],
    [
      'Tax t:2026-04-01 due:2026-04-15',
      {
        description: 'Tax',
        dates: { start: '2026-04-01T00:00:00.000Z', due: '2026-04-15T00:00:00.000Z' },
        isDone: false,
      },
    ],
    ['xylophone due:tomorrow url:http://x', { description: 'xylophone due:tomorrow url:http://x', isDone: false }],
  ])('reads %s', async (line, task) => {
    expect(tasksOf(await read(readTodoTxt, line))).toEqual([task]);
  });

  it('counts what has a date of creation or completion, for which a task has no place', async () => {
    const lines = await read(readTodoTxt, 'x 2026-03-02 2026-03-01 a\n(A) 2026-03-01 b\nc due:2026-03-01\n');
    expect(tasksOf(lines)).toHaveLength(3);
    expect(lines.map((line) => 'leftOut' in line)).toEqual([true, true, false]);
  });

  it('refuses a line of a Markdown checklist, in which done looks open, and a calendar', async () => {
    const lines = await read(readTodoTxt, '- [x] done\n* [ ] open\n- a dash\n');
    expect(faultsOf(lines)).toEqual([
      [1, expect.stringContaining('docs/import.md')],
      [2, expect.stringContaining('docs/import.md')],
    ]);
    await expect(read(readTodoTxt, 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\n')).rejects.toThrow('docs/import.md');
  });

  it('reports a line without text', async () => {
    expect(faultsOf(await read(readTodoTxt, 'ok\n(A) due:2026-01-01\n'))).toEqual([[2, expect.any(String)]]);
  });
});

describe('what becomes todo.txt first, by the commands of docs/import.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/import.md'), 'utf8');
  const commands = [...page.matchAll(/```sh\n((?:sed|awk) [\s\S]*?) (list\.\w+) > todo\.txt\n```/g)];

  it.each([
    [
      'list.md',
      '# Title\n- [ ] Review #42 📅 2026-12-01\n  * [X] Merge\n> 1. [ ] Quote\n- [-] Dropped\n- no box\n',
      ['Review #42 due:2026-12-01', 'x Merge', 'Quote'],
    ],
    [
      'list.org',
      '#+TITLE: a\n* TODO [#A] Call   :home:phone:\n  SCHEDULED: <2026-11-30 Mon> DEADLINE: <2026-12-04 Fri>\n* Notes\n** DONE Pay\nDEADLINE: <2026-12-05>\n* b\n',
      ['(A) Call +home +phone t:2026-11-30 due:2026-12-04', 'x Pay due:2026-12-05'],
    ],
    [
      'list.ics',
      [
        ...['BEGIN:VCALENDAR', 'BEGIN:VTODO', 'SUMMARY;LANGUAGE=en:Buy a present\\, wr', ' apped', 'PRIORITY:1'],
        ...['DUE;VALUE=DATE:20261210', 'END:VTODO', 'BEGIN:VTODO', 'STATUS:COMPLETED', 'SUMMARY:Old', 'END:VTODO', ''],
      ].join('\r\n'),
      ['(A) Buy a present, wrapped due:2026-12-10', 'x Old'],
    ],
  ])('%s', (name, text, lines) => {
    const command = commands.find(([, , file]) => file === name)?.[1];
    expect(command).toBeDefined();
    expect(
      execFileSync('sh', ['-c', String(command)], { input: text, encoding: 'utf8' })
        .trim()
        .split('\n'),
    ).toEqual(lines);
  });
});

describe('the text of a file', () => {
  it.each([
    ['NDJSON', readNdjson, '{"description":"M\u00fcll"}\n{"description":"ok"}'],
    ['CSV', readCsv, 'description\nM\u00fcll\nok'],
    ['todo.txt', readTodoTxt, 'M\u00fcll\nok'],
  ])(
    'refuses a line of %s that is not UTF-8, takes the others, and reads it with its encoding',
    async (_, reader, text) => {
      const lines = await read(reader, latin(text));
      expect(faultsOf(lines)).toEqual([[expect.any(Number), expect.stringContaining('--encoding')]]);
      expect(tasksOf(lines).map(({ description }) => description)).toEqual(['ok']);
      const named = await read(reader, latin(text), { encoding: 'windows-1252' });
      expect(tasksOf(named).map(({ description }) => description)).toEqual(['M\u00fcll', 'ok']);
      const utf16 = await read(reader, Buffer.from(`\uFEFF${text}`, 'utf16le'));
      expect(tasksOf(utf16)).toEqual(tasksOf(named));
    },
  );

  it('refuses a line with bytes that the named encoding does not know, and believes a byte order mark before it', async () => {
    // 0x81 begins a character of two bytes there, and no character ends with 0x20.
    const lines = await read(readTodoTxt, Buffer.from('ok\nM\x81 ll\nlast', 'latin1'), { encoding: 'shift_jis' });
    expect(faultsOf(lines)).toEqual([[2, expect.stringContaining('--encoding')]]);
    expect(tasksOf(lines).map(({ description }) => description)).toEqual(['ok', 'last']);
    const odd = await read(readTodoTxt, Buffer.from('\ufeffok\nodd', 'utf16le').subarray(0, -1));
    expect(faultsOf(odd)).toEqual([[2, expect.stringContaining('--encoding')]]);
    // Not those of ISO 8859-1, for which some versions of Node.js take them (nodejs/node#56542).
    const signs = await read(readTodoTxt, Buffer.from([0x80, 0x92]), { encoding: 'windows-1252' });
    expect(tasksOf(signs).map(({ description }) => description)).toEqual(['\u20ac\u2019']);
    const marked = await read(readTodoTxt, Buffer.from('\ufeffM\u00fcll'), { encoding: 'windows-1252' });
    expect(tasksOf(marked).map(({ description }) => description)).toEqual(['M\u00fcll']);
  });

  it('is read as UTF-16 without a byte order mark, and refused as UTF-32', async () => {
    for (const [reader, text] of [
      [readTodoTxt, 'M\u00fcll'],
      [readCsv, 'description\nM\u00fcll'],
      [readNdjson, '{"description":"M\u00fcll"}'],
    ] as const) {
      const bytes = Buffer.from(text, 'utf16le');
      for (const each of [bytes, Buffer.from(bytes).swap16()]) {
        expect(tasksOf(await read(reader, each))).toMatchObject([{ description: 'M\u00fcll' }]);
      }
      const wide = Buffer.concat(Array.from(`\uFEFF${text}`, (sign) => Buffer.from(`${sign}\0`, 'utf16le')));
      await expect(read(reader, wide)).rejects.toThrow(/UTF-32/);
    }
  });

  it('has one line that is refused where a line that ends with \\r is not UTF-8', async () => {
    const lines = await read(readTodoTxt, latin('first\rM\u00fcll\rlast\r'));
    expect(faultsOf(lines).map(([line]) => line)).toEqual([2]);
    expect(tasksOf(lines).map(({ description }) => description)).toEqual(['first', 'last']);
  });

  it('has the same lines however it is cut into pieces', async () => {
    const text = Buffer.from('a\r\n\r\nb\rc\n\n\rM\u00fcll\r\n');
    const linesOf = async (pieces: Iterable<Uint8Array>) => {
      const found: string[] = [];
      for await (const { line, text } of textLines(Readable.from(pieces))) found.push(`${line} ${String(text)}`);
      return found;
    };
    const whole = ['1 a', '2 ', '3 b', '4 c', '5 ', '6 ', '7 M\u00fcll'];
    expect(await linesOf([text])).toEqual(whole);
    expect(await linesOf(Array.from(text, (byte) => Buffer.from([byte])))).toEqual(whole);
  });

  it('splits lines at \\n, \\r\\n and \\r, as a Mac writes them, and not at U+2028 and U+2029', async () => {
    const named = ['call mom', 'buy milk'];
    for (const end of ['\n', '\r\n', '\r']) {
      const descriptionsIn = async (reader: Reader, lines: readonly string[]) =>
        tasksOf(await read(reader, lines.map((line) => line + end).join(''))).map(({ description }) => description);
      expect(await descriptionsIn(readTodoTxt, named)).toEqual(named);
      expect(await descriptionsIn(readCsv, ['description', '"call mom"', 'buy milk'])).toEqual(named);
      const objects = named.map((description) => JSON.stringify({ description }));
      expect(await descriptionsIn(readNdjson, objects)).toEqual(named);
    }
    const text = 'before\u2028after\u2029end';
    expect(tasksOf(await read(readNdjson, JSON.stringify({ description: text })))).toEqual([
      { description: text, isDone: false },
    ]);
    expect(tasksOf(await read(readTodoTxt, text))).toEqual([{ description: text, isDone: false }]);
  });

  it('begins a day without a time at the midnight of the time zone, and reads common and given forms of a date', async () => {
    const due = async (cell: string, format?: string) =>
      tasksOf(
        await read(readCsv, `description,due\na,"${cell}"`, { days: dayReader('America/New_York', format) }),
      )[0]?.['dates'];
    for (const cell of ['2026-03-05', '2026/3/5', '5.3.2026', '20260305', 'Mar 5, 2026']) {
      expect(await due(cell), cell).toEqual({ due: '2026-03-05T05:00:00.000Z' });
    }
    for (const [cell, instant] of [
      ['2026-03-05 06:00:00.5+01', '2026-03-05T06:00:00.5+01:00'],
      ['2026-03-05 05:00 GMT', '2026-03-05T05:00:00Z'],
      ['2026-03-05T10:30:00+0530', '2026-03-05T10:30:00+05:30'],
    ] as const) {
      expect(await due(cell), cell).toEqual({ due: instant });
    }
    expect(await due('3/5/2026')).toBeUndefined();
    expect(faultsOf(await read(readCsv, 'description,due\na,3/5/2026'))).toEqual([
      // Once.
      [2, expect.stringMatching(/^(?!.*--date-format.*--date-format).*--date-format/)],
    ]);
    expect(await due('5/3/2026', 'd/M/yyyy')).toEqual({ due: '2026-03-05T05:00:00.000Z' });
  });
});

describe('CSV as spreadsheets write it', () => {
  it.each([
    ['semicolons', 'description;priority;due\nfix tap;high;2026-12-01\ntrash;low;\n', 2],
    ['sep=', 'sep=;\ndescription;priority\nfix tap;high\n', 1],
    ['sep= and blanks', 'sep=; \ndescription;priority\nfix tap;high\n', 1],
    ['sep= in quotes', '"sep=;"\ndescription;priority\nfix tap;high\n', 1],
    ['a header of two lines', 'description;priority;"due\n"\nfix tap;high;\n', 1],
    ['tabs', 'description\tpriority\nfix tap\thigh\n', 1],
    ['empty columns at the end', 'description,priority,,\nfix tap,high,,\ntrash,low,,\n', 2],
    ['short rows', 'description,priority\nfix tap,high\nshort\n', 2],
    ['rows of empty cells', 'description;priority;\nfix tap;high;\n;;\n""; ;\n', 1],
    ['a list with empty places', 'description;priority;tags\nfix tap;high;"home; ;phone;"\n', 1],
  ])('reads %s', async (_, text, count) => {
    const lines = await read(readCsv, text);
    expect(faultsOf(lines)).toEqual([]);
    expect(tasksOf(lines)).toHaveLength(count);
    expect(tasksOf(lines)[0]).toMatchObject({ description: 'fix tap', priority: 'high' });
  });

  it('tells -1 from 1, and no hyphen within a word from one', async () => {
    const text = 'description,priority\na,-1\nb,1\nc,Check-In\n';
    const values = { priority: { '-1': 'low', '1': 'high', checkin: 'none' } };
    expect(tasksOf(await read(readCsv, text, { values })).map(({ priority }) => priority)).toEqual([
      'low',
      'high',
      'none',
    ]);
  });

  it('names the first of very many columns that it does not know, so that the command stays in sight', async () => {
    const names = Array.from({ length: 53 }, (_, n) => `Column ${n}`);
    const refused = read(readCsv, `Title,${names.join()}\n`);
    await expect(refused).rejects.toThrow(/"Column 18", and 34 more; .* leaves out: .*Column 19, and 33 more\.$/);
  });

  it('reads values without regard to case, and headers of others by a map', async () => {
    const values = await read(readCsv, 'description,priority,isDone\na,High,TRUE\nb,LOW,FALSE\n');
    expect(tasksOf(values)).toMatchObject([
      { priority: 'high', isDone: true },
      { priority: 'low', isDone: false },
    ]);
    const map = { title: 'description', status: 'isDone', notes: '' };
    const mapped = await read(readCsv, 'Title,Status,Due date,Notes\nbuy milk,Done,2026-01-01,x\n', {
      map: { ...map, 'due date': 'due' },
    });
    expect(tasksOf(mapped)).toEqual([
      { description: 'buy milk', isDone: true, dates: { due: '2026-01-01T00:00:00.000Z' } },
    ]);
  });

  it('reads TRUE and FALSE in the words of other languages, as Excel writes them', async () => {
    const words = [
      ['WAHR', 'FALSCH'],
      ['VRAI', 'FAUX'],
      ['VERO', 'FALSO'],
      ['TOSI', 'EPA\u0308TOSI'],
      ['\u0418\u0421\u0422\u0418\u041d\u0410', '\u041b\u041e\u0416\u042c'],
    ];
    for (const [yes, no] of words) {
      const lines = await read(readCsv, `description;isDone\na;${yes}\nb;${no}\n`);
      expect(tasksOf(lines).map(({ isDone }) => isDone)).toEqual([true, false]);
    }
  });

  it('finds a mapped header in either spelling of Unicode, and one of signs alone', async () => {
    const map = { Fällig: 'due', '\u2713': 'isDone', '#': '', Task: 'description' };
    const lines = await read(readCsv, '#,Task,\u2713,Fa\u0308llig\n1,a,x,2026-03-05\n', { map });
    expect(tasksOf(lines)).toMatchObject([
      { description: 'a', isDone: true, dates: { due: '2026-03-05T00:00:00.000Z' } },
    ]);
  });

  it('names the line of a quote that nobody closed, and reads the lines behind it', async () => {
    const atEnd = await read(readCsv, 'description,priority\n"open,high\nsecond,low\nthird,low\nfourth,low\n');
    expect(faultsOf(atEnd)).toEqual([[2, expect.stringContaining('not closed')]]);
    expect(tasksOf(atEnd).map(({ description }) => description)).toEqual(['second', 'third', 'fourth']);
    const before = await read(readCsv, 'description,priority\n"open,high\n"second",low\n"a\nb",low\n');
    expect(faultsOf(before)).toEqual([[2, expect.stringContaining('not closed')]]);
    expect(tasksOf(before).map(({ description }) => description)).toEqual(['second', 'a\nb']);
  });

  it.each(['"M\u00fcll\ntwo\nthree",high', '"one\nM\u00fcll\nthree",high', '"one\ntwo\nM\u00fcll",high'])(
    'refuses a cell of many lines whole where one of them is not text: %j',
    async (row) => {
      const lines = await read(readCsv, latin(`description,priority\nbefore,low\n${row}\nafter,low\n`));
      expect(tasksOf(lines).map(({ description }) => description)).toEqual(['before', 'after']);
      const garbled = 3 + row.split('\n').findIndex((line) => line.includes('\u00fc'));
      expect(faultsOf(lines)).toEqual([[garbled, expect.stringContaining('--encoding')]]);
    },
  );

  it('says what stands behind a closing quote, unless it is white space', async () => {
    const lines = await read(
      readCsv,
      'description,priority\n"Dune" read,low\n"b"\t,\u00a0"low"\u00a0\n "c" , "low" \n',
    );
    expect(faultsOf(lines)).toEqual([[2, expect.stringContaining('behind a closing quote')]]);
    expect(tasksOf(lines)).toMatchObject([
      { description: 'b', priority: 'low' },
      { description: 'c', priority: 'low' },
    ]);
    const tabs = await read(readCsv, 'description\tpriority\ttags\n"b"\t\t"t"\n');
    expect(tasksOf(tabs)).toEqual([{ description: 'b', tags: ['t'], isDone: false }]);
  });

  it('takes the header of a second file that was put behind the first for no task, and counts it', async () => {
    for (const header of ['description', 'Title,P', '"description","priority"']) {
      const file = `\uFEFF${header}\r\n"a, b"\r\n`;
      const lines = await read(readCsv, file + file, {
        map: { ...(header.startsWith('T') && { title: 'description', p: 'priority' }) },
      });
      expect(faultsOf(lines)).toEqual([]);
      expect(tasksOf(lines).map(({ description }) => description)).toEqual(['a, b', 'a, b']);
      expect(lines[1]).toEqual({ line: 3, skipped: 'the header again' });
    }
  });

  it('reads a long quoted cell of a column that is left out as one, and makes no tasks of its lines', async () => {
    const notes = 'a line of the ""notes"", with a comma\n'.repeat(20_000);
    const lines = await read(readCsv, `description,notes\nfirst,"${notes}"\nsecond,\n`, { map: { notes: '' } });
    expect(lines.map(({ line }) => line)).toEqual([2, 20_003]);
    expect(tasksOf(lines).map(({ description }) => description)).toEqual(['first', 'second']);
  });

  it('keeps a quote inside of a cell, and refuses a column that stands twice', async () => {
    expect(tasksOf(await read(readCsv, 'description\nsecond "quoted" word\n'))).toMatchObject([
      { description: 'second "quoted" word' },
    ]);
    await expect(read(readCsv, 'description,description\na,b\n')).rejects.toThrow(/"description" twice/);
  });
});

describe('NDJSON of others', () => {
  it('reads an array as one, and null as absent', async () => {
    const array = await read(
      readNdjson,
      '[\n{"description":"a"},\n{"description":"b","priority":null,"isDone":null}\n]\n',
    );
    expect(tasksOf(array)).toEqual([
      { description: 'a', isDone: false },
      { description: 'b', isDone: false },
    ]);
    expect(faultsOf(await read(readNdjson, '[{"description":"a"},\noops]'))).toEqual([
      [1, expect.stringContaining('not JSON')],
    ]);
  });

  it.each([
    ['arrays', '[{"description":"a"}]\n[{"description":"}]\\"["}]'],
    ['pages of the API', '{"tasks":[{"description":"a"}],"nextCursor":"x"}\n{"tasks":[{"description":"}]\\"["}]}'],
    ['answers of the API', '{"task":{"description":"a"}}\n{"task":{"description":"}]\\"["}}'],
    ['objects of many lines', '{\n  "description": "a"\n}\n{\n  "description": "}]\\"["\n}'],
    ['objects in one line', '{"description":"a"} {"description":"}]\\"["}'],
  ])('reads %s behind each other', async (_, text) => {
    const lines = await read(readNdjson, text);
    expect(faultsOf(lines)).toEqual([]);
    expect(tasksOf(lines).map(({ description }) => description)).toEqual(['a', '}]"[']);
  });

  it.each(['{"description":"a"\n{"description":"b"}\n', '{"description":"a"}}\n{"description":"b"}\n'])(
    'reads the lines behind a first one that is broken: %j',
    async (text) => {
      const lines = await read(readNdjson, text);
      expect(faultsOf(lines)).toEqual([[1, expect.stringContaining('not JSON')]]);
      expect(tasksOf(lines).map(({ description }) => description)).toEqual(['b']);
    },
  );

  it('reads nothing of an array with a line that is not text: its task would lack what the line says', async () => {
    const lines = await read(readNdjson, latin('[{"description":"a",\n"tags":["B\xfcro"],\n"priority":"low"}]\n'));
    expect(tasksOf(lines)).toEqual([]);
    expect(faultsOf(lines)).toEqual([[2, expect.stringContaining('nothing of the array was read')]]);
  });

  it('reads a day, the tasks of the API and the lines of events replay, and refuses a deletion', async () => {
    const shown = {
      id: '01a219d0-1c96-767f-9fb0-a503277fa5e3',
      description: 'mine',
      priority: 'high',
      dates: { start: null, due: '2026-12-01' },
      isDone: true,
      version: 2,
      createdAt: '2026-11-26T21:43:18.962Z',
      updatedAt: '2026-11-26T21:43:19.074Z',
    };
    const event = { partition: 0, offset: 1, time: '', key: shown.id, headers: {}, type: 'x.updated', value: shown };
    const lines = [shown, event, { ...event, type: 'x.deleted' }, { ...event, value: null }];
    const found = await read(readNdjson, lines.map((line) => JSON.stringify(line)).join('\n'));
    const task = {
      description: 'mine',
      priority: 'high',
      dates: { start: null, due: '2026-12-01T00:00:00.000Z' },
      isDone: true,
    };
    expect(tasksOf(found)).toEqual([task, task]);
    expect(new Set(identitiesOf(found))).toEqual(new Set([`id:${shown.id}`]));
    expect(faultsOf(found).map(([line]) => line)).toEqual([3, 4]);

    const [withOptions] = await read(readNdjson, JSON.stringify(shown), { ignoreUnknown: true });
    expect(withOptions).toMatchObject({ id: shown.id, updatedAt: shown.updatedAt });
  });

  it('takes keys and words for nothing else than that, whatever JavaScript calls its own', async () => {
    const line = '{"title":"a","constructor":1,"toString":"b","urgency":"constructor"}';
    const options = { map: { title: 'description', urgency: 'priority' }, values: { priority: { hot: 'high' } } };
    const found = await read(readNdjson, line, { ...options, ignoreUnknown: true });
    expect(faultsOf(found)).toEqual([[1, expect.stringContaining('priority')]]);
  });
});

describe('todo.txt of others', () => {
  it.each([
    ['Title,Due date,Status\nbuy milk,2026-03-01,open', 'csv'],
    ['\nTitle;Tags\nbuy milk;home', 'csv'],
    ['[{"description": "buy milk"}]', 'ndjson'],
    ['[\n{"description": "buy milk"}]', 'ndjson'],
    ['{"description": "buy milk"}', 'ndjson'],
    ['description\tpriority\r\na\tlow\r\n', 'csv'],
  ])('is refused where a .txt begins as another format, with the option that names it: %s', async (text, format) => {
    await expect(read(readTodoTxt, text, { isGuess: true })).rejects.toMatchObject({
      extensions: { suggestedOptions: ['--format', format] },
    });
    expect(faultsOf(await read(readTodoTxt, text))).toEqual([]);
  });

  it.each([
    'description',
    'call mum, due:2026-01-01',
    'title, and what the title is for',
    'Priority, due',
    '[ ] buy milk, eggs',
    '{milk} and eggs',
    'name the date, and tell the title',
    'Status: done; next',
  ])('is read where its first line has only signs of others: %s', async (text) => {
    expect(tasksOf(await read(readTodoTxt, text, { isGuess: true }))).toHaveLength(1);
  });

  it.each([
    ['pay rent due:2026-02-30', { description: 'pay rent due:2026-02-30' }],
    [
      'pay rent t:2024-02-02 due:2024-02-01',
      { description: 'pay rent t:2024-02-02', dates: { due: '2024-02-01T00:00:00.000Z' } },
    ],
    [
      'x 2021-05-08 (A) 2021-04-04 settle the bill due:2021-05-10',
      { description: 'settle the bill', priority: 'high', isDone: true },
    ],
    ['x  2020-01-01 two blanks after x', { description: 'two blanks after x', isDone: true }],
    // Years that the API does not take are no dates either, and an open task has no day of completion.
    ['pay rent due:0000-01-01', { description: 'pay rent due:0000-01-01' }],
    ['(A) 2026-01-01 2026-06-30 is the last day', { description: '2026-06-30 is the last day', priority: 'high' }],
    ['x 2026-01-02 2026-01-01 2026-06-30 was it', { description: '2026-06-30 was it', isDone: true }],
    ['water plants rec:1w due:2026-01-01', { description: 'water plants rec:1w' }],
  ])('reads %s', async (line, task) => {
    expect(tasksOf(await read(readTodoTxt, line))).toMatchObject([task]);
  });
});

describe('the identity of a line', () => {
  it('is the same for other line ends, empty lines and orders of fields', async () => {
    const csv = async (text: string) => identitiesOf(await read(readCsv, text));
    const plain = await csv('description,priority\none,low\ntwo,low');
    expect(await csv('description,priority\r\none,low\r\n\r\ntwo,low\r\n')).toEqual(plain);
    expect(await csv('priority;description\nlow;one\nlow;two')).toEqual(plain);
  });

  it('is the same where a default is spelled out, or an instant in another offset', async () => {
    const identity = async (line: object) => identitiesOf(await read(readNdjson, JSON.stringify(line)));
    const due = '2026-03-05T09:00:00Z';
    const plain = await identity({ description: 'a', dates: { due } });
    for (const same of [
      { description: ' a ', dates: { due, start: null }, priority: 'none', isDone: false, tags: [] },
      { description: 'a', dates: { due: '2026-03-05T10:00:00.000+01:00' } },
    ]) {
      expect(await identity(same)).toEqual(plain);
    }
    for (const other of [
      { description: 'a' },
      { description: 'a', dates: { due }, isDone: true },
      { description: 'a', dates: { due, start: due } },
    ]) {
      expect(await identity(other)).not.toEqual(plain);
    }
    expect(identitiesOf(await read(readCsv, `description,due,priority\na,${due},none`))).toEqual(plain);
  });

  it('does not depend on the time zone that its days are read in', async () => {
    const identities = async (timezone: string) => {
      const options = { days: dayReader(timezone) };
      const csv = await read(readCsv, 'description,due\na,5.3.2026', options);
      const ndjson = await read(readNdjson, '{"description":"a","dates":{"due":"2026-03-05 09:00"}}', options);
      return [csv, ndjson].map(identitiesOf);
    };
    expect(await identities('Asia/Tokyo')).toEqual(await identities('America/New_York'));
  });

  it('is its id, in whatever case the file writes it', async () => {
    const id = '01a219d0-1c96-767f-9fb0-a503277fa5e3';
    const [upper, lower] = [id.toUpperCase(), id].map((each) => [
      read(readNdjson, JSON.stringify({ id: each, description: 'a' })),
      read(readCsv, `id,description\n${each},a`),
      read(readTodoTxt, `a id:${each}`),
    ]);
    expect((await Promise.all(upper ?? [])).map(identitiesOf)).toEqual(
      (await Promise.all(lower ?? [])).map(identitiesOf),
    );
  });

  it('is the same in either spelling that Unicode has for a text', async () => {
    for (const [reader, text] of [
      [readNdjson, '{"description":"re\u0301sume\u0301"}'],
      [readCsv, 'description\nre\u0301sume\u0301'],
      [readTodoTxt, 're\u0301sume\u0301'],
    ] as const) {
      expect(identitiesOf(await read(reader, text))).toEqual(identitiesOf(await read(reader, text.normalize('NFC'))));
    }
  });

  it('of todo.txt is the last id, which an export writes behind the text', async () => {
    const [own, other] = ['01a219d0-1c96-767f-9fb0-a503277fa5e3', '01a219d0-1c96-767f-9fb0-a503277fa5e4'];
    const lines = await read(readTodoTxt, `see id:${other} id:${own}\nsee id:${own} id:none`);
    expect(identitiesOf(lines)).toEqual([`id:${own}`, `id:${own}`]);
    expect(tasksOf(lines).map(({ description }) => description)).toEqual([`see id:${other}`, 'see id:none']);
  });

  it('of todo.txt is its text: completion, priority and dates may change', async () => {
    const [first, ...others] = identitiesOf(
      await read(readTodoTxt, '(A) call bank\nx 2026-11-26 call bank pri:A\ncall bank due:2026-12-01\ncall bank now'),
    );
    expect(others).toEqual([first, first, expect.not.stringMatching(`^${String(first)}$`)]);
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
