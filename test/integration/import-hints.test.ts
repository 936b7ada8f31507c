/** Files as other tools export them, and workbooks: each is refused with a command, and the command, pasted into a shell, reads it. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../support/api.ts';
import { runOps } from '../support/ops.ts';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);

let api: TestApi;
let folder: string;
beforeAll(async () => {
  api = await startTestApi();
  folder = mkdtempSync(join(tmpdir(), "taskstream it's "));
});
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Expected {
  readonly file: string;
  readonly content: string;
  /** Of the refusal. */
  readonly says: readonly (string | RegExp)[];
  readonly tasks: readonly object[];
  readonly skipped?: string;
}

const day = (text: string) => ({ start: null, due: `${text}T00:00:00.000Z` });

const FILES: readonly Expected[] = [
  {
    file: 'todoist.csv',
    content: [
      '\uFEFFTYPE,CONTENT,DESCRIPTION,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE,DEADLINE',
      'meta,view_style=list,,,,,,,,,',
      'section,Garden,,,,,,,,,',
      'task,Sow beans,In the sun,1,1,Ann (1),,Oct 5 2026,en,,',
      'note,"Runner beans, not broad ones",,,,,,,,,',
      ',,,,,,,,,,',
      'task,Mulch,,4,2,Ann (1),,,en,,',
    ].join('\r\n'),
    says: ['Todoist', '--only TYPE=task', 'leaves out: INDENT, AUTHOR', '--map DATE=due'],
    tasks: [
      { description: 'Sow beans\nIn the sun', priority: 'high', dates: day('2026-10-05') },
      { description: 'Mulch', priority: 'none' },
    ],
    skipped: 'TYPE section',
  },
  {
    file: 'ticktick.csv',
    content: [
      '"Date: 2026-10-01+0000"\n"Version: 7.1"\n"Status: \n0 Normal\n1 Completed\n2 Archived"',
      '"Folder Name","List Name","Title","Kind","Tags","Content","Is Check list","Start Date","Due Date","Priority","Status","Completed Time","taskId"',
      '"","Home","Fix tap","TEXT","house, water","","N","","2026-10-03T00:00:00+0000","5","0","","t1"',
      '"","Home","Old tap","TEXT","","","N","","","0","2","2026-09-01T10:00:00+0000","t2"',
    ].join('\n'),
    says: ['TickTick', '--skip 6', 'line 7', 'leaves out: taskId'],
    tasks: [
      { description: 'Fix tap', priority: 'high', tags: ['house', 'water'], dates: day('2026-10-03'), isDone: false },
      { description: 'Old tap', isDone: true },
    ],
  },
  {
    file: 'jira.csv',
    content: [
      'Summary,Issue key,Issue id,Status,Priority,Due date,Labels,Labels,Custom field (Story Points)',
      'Broken login,PAY-1,10001,In Progress,Highest,31/Mar/26,web,auth,3',
      "\"It's 'quoted'\",PAY-2,10002,Done,Trivial,12/Mar/26 9:41 AM,,,",
    ].join('\n'),
    says: ['Jira', "'Due date=due'"],
    tasks: [
      { description: 'Broken login', priority: 'high', tags: ['web', 'auth'], dates: day('2026-03-31') },
      { description: "It's 'quoted'", priority: 'low', isDone: true },
    ],
  },
  {
    file: 'asana.csv',
    content: [
      ',,',
      'Tasks of the site,,',
      'Task ID,Created At,Completed At,Name,Section/Column,Assignee Email,Start Date,Due Date,Tags,Notes',
      '91,2026-03-01,,Write copy,Build,,2026-03-02,2026-03-05,"Web,Q2",Two pages',
      '92,2026-03-01,2026-03-04,Pick fonts,Build,,,,,',
    ].join('\n'),
    says: ['Asana', '--skip 2'],
    tasks: [
      {
        description: 'Write copy\nTwo pages',
        dates: { start: '2026-03-02T00:00:00.000Z', due: '2026-03-05T00:00:00.000Z' },
        tags: ['Web', 'Q2'],
        isDone: false,
      },
      { description: 'Pick fonts', isDone: true },
    ],
  },
  {
    file: 'trello.csv',
    content: [
      'Card ID,Card Name,Card URL,Card Description,Labels,Due Date,Board ID,Archived,Due Complete',
      '5f1,Sand the door,https://trello.com/c/a,"Twice, finely","wood (red),house (blue)",2026-03-05T12:00:00.000Z,b,false,true',
    ].join('\n'),
    says: ['Trello', "'Card Description=description'"],
    tasks: [
      {
        ...{ description: 'Sand the door\nTwice, finely', isDone: true, tags: ['wood (red)', 'house (blue)'] },
        dates: { start: null, due: '2026-03-05T12:00:00.000Z' },
      },
    ],
  },
  {
    file: 'outlook.csv',
    content: [
      '"Subject","Start Date","Due Date","Date Completed","% Complete","Categories","Notes","Priority","Schedule+ Priority","Status"',
      '"Write offer",,"4.12.2026",,"50","Customers;Soon","Call first","High",,"In Progress"',
      '"Taxes",,,"2.11.2026","100",,,"Normal",,"Completed"',
    ].join('\r\n'),
    says: ['Outlook', '--map Status=isDone', 'leaves out: Date Completed, % Complete'],
    tasks: [
      {
        ...{ description: 'Write offer\nCall first', priority: 'high', tags: ['Customers', 'Soon'], isDone: false },
        dates: day('2026-12-04'),
      },
      { description: 'Taxes', priority: 'none', isDone: true },
    ],
  },
  {
    file: 'omnifocus.csv',
    content: [
      'Task ID,Type,Name,Status,Project,Context,Start Date,Due Date,Completion Date,Duration,Flagged,Notes',
      '1.1,Action,Plant tulips,active,Garden,Home,,2026-12-05 17:00:00 +0000,,30m,1,Red ones',
      '1.2,Action,Rake leaves,completed,Garden,Home,,,2026-11-20 12:00:00 +0000,,0,',
    ].join('\n'),
    says: ['OmniFocus', 'leaves out: Task ID'],
    tasks: [
      {
        ...{ description: 'Plant tulips\nRed ones', isDone: false },
        dates: { start: null, due: '2026-12-05T17:00:00.000Z' },
      },
      { description: 'Rake leaves', isDone: true },
    ],
  },
  {
    file: 'things.json',
    content: JSON.stringify([
      {
        ...{
          uuid: '8TN',
          type: 'to-do',
          title: 'Book flights',
          status: 'incomplete',
          notes: 'aisle',
          start: 'Anytime',
        },
        ...{ start_date: '2026-12-01', deadline: '2026-12-15', stop_date: null, tags: ['travel'] },
      },
      {
        uuid: '7TN',
        type: 'project',
        title: 'Trip',
        status: 'incomplete',
        start: 'Someday',
        start_date: null,
        stop_date: null,
      },
    ]),
    says: ['Things', '--map start= --map start_date=start', '--only type=to-do'],
    tasks: [
      {
        ...{ description: 'Book flights\naisle', isDone: false, tags: ['travel'] },
        dates: { start: '2026-12-01T00:00:00.000Z', due: '2026-12-15T00:00:00.000Z' },
      },
    ],
    skipped: 'type project',
  },
  {
    file: 'taskwarrior.json',
    content: JSON.stringify([
      {
        ...{ id: 1, description: 'Fix the roof', due: '20261210T080000Z', entry: '20261101T101010Z', priority: 'H' },
        ...{ status: 'pending', tags: ['diy'], uuid: 'b0bb9b9a-1111-4a2b-9a4e-000000000001', urgency: 12.3 },
        annotations: [{ entry: '20261102T101010Z', description: 'asked Joe' }],
      },
      ...['completed', 'deleted'].map((status, index) => ({
        ...{ id: 0, description: `Nails ${status}`, end: '20261103T101010Z', entry: '20261101T101010Z', status },
        ...{ uuid: `b0bb9b9a-1111-4a2b-9a4e-00000000001${index}`, urgency: 0 },
      })),
    ]),
    says: ['Taskwarrior', '--map id= --map uuid=key', '--values priority=H:high,M:medium,L:low'],
    tasks: [
      {
        ...{ description: 'Fix the roof\nasked Joe', priority: 'high', tags: ['diy'], isDone: false },
        dates: { start: null, due: '2026-12-10T08:00:00.000Z' },
      },
      { description: 'Nails completed', isDone: true },
    ],
    skipped: 'status deleted',
  },
  {
    file: 'own list.csv',
    content: "Todo;P;What's next?=;Finished?;When\nPay rent;P1;;Completed;1767225600\nCall;P4;x;Open;1767225600000\n",
    says: ['--map Todo=description', '--ignore-unknown'],
    tasks: [
      { description: 'Pay rent', dates: day('2026-01-01'), isDone: true },
      { description: 'Call', dates: day('2026-01-01'), isDone: false },
    ],
  },
  {
    file: 'caret.csv',
    content: 'description^prio\ncaret^P2\n',
    says: ["--delimiter '^'"],
    tasks: [{ description: 'caret', priority: 'medium' }],
  },
  {
    file: 'bare.csv',
    content: 'Renew the passport,2026-05-01,high\nWater,,low\n',
    says: ['--columns description,due,priority'],
    tasks: [
      { description: 'Renew the passport', priority: 'high', dates: day('2026-05-01') },
      { description: 'Water', priority: 'low' },
    ],
  },
  {
    file: 'org.csv',
    content:
      'Heading,Todo State,Scheduled,Deadline,Pri,Tags\nBuy ink,TODO,<2026-03-05 Thu>,,[#A],:home:desk:\nSell pen,DONE,,,,\n',
    says: ['--map Heading=description'],
    tasks: [
      { description: 'Buy ink', priority: 'high', tags: ['home', 'desk'], isDone: false },
      { description: 'Sell pen', isDone: true },
    ],
  },
  {
    file: 'trello.json',
    content: JSON.stringify(
      {
        name: 'Board',
        lists: [{ id: 'l1', name: 'Doing' }],
        actions: [{ id: 'a1', type: 'createCard', date: '2026-01-01T00:00:00.000Z' }],
        cards: [
          {
            ...{ id: 'c1', name: 'Paint', desc: 'blue', idBoard: 'b', due: '2026-03-05T12:00:00.000Z' },
            ...{ dueComplete: true, closed: false, labels: [{ name: 'house' }, { name: 'one, two' }] },
          },
          { id: 'c2', name: 'Sand', desc: '', idBoard: 'b', due: null, dueComplete: false, closed: false, labels: [] },
        ],
      },
      null,
      2,
    ),
    says: ['Trello', '--at cards', '--map labels.name=tags', '--map id=key'],
    tasks: [
      {
        ...{ description: 'Paint\nblue', isDone: true, tags: ['house', 'one, two'] },
        dates: { start: null, due: '2026-03-05T12:00:00.000Z' },
      },
      { description: 'Sand', isDone: false },
    ],
  },
  {
    file: 'google-tasks.json',
    content: JSON.stringify({
      kind: 'tasks#taskLists',
      items: [
        {
          ...{ kind: 'tasks#tasks', title: 'My list', updated: '2026-01-01T00:00:00Z' },
          items: [
            { kind: 'tasks#task', id: 'abc', title: 'Stretch', status: 'needsAction', due: '2026-03-05T00:00:00.000Z' },
            { kind: 'tasks#task', id: 'def', title: 'Run', notes: 'slowly', status: 'completed' },
          ],
        },
      ],
    }),
    says: ['--at items.items', '--map status=isDone'],
    tasks: [
      { description: 'Stretch', dates: day('2026-03-05'), isDone: false },
      { description: 'Run\nslowly', isDone: true },
    ],
  },
  {
    file: 'microsoft.json',
    content: JSON.stringify({
      value: [
        {
          ...{ id: 'AQMk', title: 'Order tea', importance: 'high', isReminderOn: false, status: 'notStarted' },
          ...{ categories: ['Red'], dueDateTime: { dateTime: '2026-03-05T00:00:00.0000000', timeZone: 'UTC' } },
        },
        { id: 'AQMl', title: 'Sip', importance: 'normal', isReminderOn: false, status: 'completed', categories: [] },
      ],
    }),
    says: ['Microsoft To Do', '--at value', '--map dueDateTime.dateTime=due', '--values priority=normal:none'],
    tasks: [
      { description: 'Order tea', priority: 'high', tags: ['Red'], dates: day('2026-03-05'), isDone: false },
      { description: 'Sip', priority: 'none', isDone: true },
    ],
  },
  {
    file: 'issues.ndjson',
    content: [
      { number: 1, id: 77, title: 'A bug', state: 'open', labels: [{ name: 'bug' }], body: 'It\nbreaks' },
      { number: 2, id: 78, title: 'No bug', state: 'closed', labels: [], body: null },
    ]
      .map((each) => JSON.stringify(each))
      .join('\n'),
    says: ['--map title=description', '--map state=isDone'],
    tasks: [
      { description: 'A bug\nIt\nbreaks', tags: ['bug'], isDone: false },
      { description: 'No bug', isDone: true },
    ],
  },
];

const importOf = (file: string, ...more: string[]) =>
  runOps(['import', join(folder, file), '--timezone', 'UTC', '--url', api.url, ...more], {});

describe('a file of another tool', () => {
  it.each(FILES)(
    '$file is refused with a command that reads it',
    async ({ file, content, says, tasks, skipped }) => {
      writeFileSync(join(folder, file), content);
      const refused = await importOf(file);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      for (const text of says) expect(refused.stderr).toMatch(text);
      const command = /^ {2}(npm run ops -- import .*)$/m.exec(refused.stderr)?.[1];
      expect(command).toBeDefined();
      const { PATH, HOME } = process.env;
      const { stdout } = await run('sh', ['-c', String(command)], { cwd: root, env: { PATH, HOME, NO_COLOR: '1' } });
      expect(stdout).toMatch(new RegExp(`created +${tasks.length}\\n(.*\\n)*refused +0`));
      if (skipped !== undefined) expect(stdout).toContain(skipped);
      const { body } = await api.request('GET', `/tasks?limit=${tasks.length}`);
      const found = body.tasks.toSorted((a, b) => order(tasks, a.description) - order(tasks, b.description));
      expect(found).toMatchObject(tasks);
    },
    180_000,
  );

  it('is refused with a command that has no access token, as it stands in logs', async () => {
    writeFileSync(join(folder, 'shown.csv'), 'Todo\nPay rent\n');
    for (const token of [['--token', 'eyJ.secret'], ['--token=eyJ.secret']]) {
      const { stderr } = await importOf('shown.csv', ...token);
      expect(stderr).toContain('Try, with your --token:');
      expect(stderr).not.toContain('eyJ.secret');
    }
  });

  it('is read where TZ names the time zone in a way that Node does not know', async () => {
    writeFileSync(join(folder, 'zone.csv'), 'description,due\nzone,2026-03-05\n');
    const args = ['import', join(folder, 'zone.csv'), '--url', api.url];
    expect((await runOps(args, { TZ: ':/etc/localtime' })).stdout).toMatch(/created +1/);
  });

  it('is a document whose faults are said by the object, as it may have any lines, and counts what a task has no place for', async () => {
    writeFileSync(join(folder, 'document.json'), '[\n\n{"description": "in a document"},\n\n{"description": ""}\n]');
    expect((await importOf('document.json')).stderr).toContain('object 2: description: must not be empty');
    writeFileSync(join(folder, 'dated.txt'), 'x 2026-03-02 2026-03-01 dated\nplain\n');
    expect((await importOf('dated.txt')).stdout).toMatch(/not kept +1 {2}a date of creation or completion/);
  });

  it.each([
    [
      'names that act on a terminal',
      'Title\u001b,No\u001b[2J\u009btes,"a\nb"\nPay rent,x,y\n',
      String.raw`--map $'Title\x1b=description'`,
    ],
    ['a delimiter that no key types', 'Title\u0001Notes\nPay rent\u0001soon\n', String.raw`--delimiter $'\x01'`],
  ])(
    'with %s is refused without a character that does, and the command, pasted into bash, reads it',
    async (name, content, option) => {
      writeFileSync(join(folder, `${name}.csv`), content);
      const { stderr } = await importOf(`${name}.csv`);
      expect(stderr.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
      const command = /^ {2}(npm run ops -- import .*)$/m.exec(stderr)?.[1];
      expect(command).toContain(option);
      const { PATH, HOME } = process.env;
      const { stdout } = await run('bash', ['-c', String(command)], { cwd: root, env: { PATH, HOME, NO_COLOR: '1' } });
      expect(stdout).toMatch(/created +1\n(.*\n)*refused +0/);
    },
    180_000,
  );

  it('that gives ids makes nothing twice when a later export of it differs, and changes its task', async () => {
    const options = ['--map', 'Name=description', '--map', 'Task ID=key'];
    writeFileSync(join(folder, 'later.csv'), 'Task ID,Name\n7,first words\n');
    expect((await importOf('later.csv', ...options)).stdout).toMatch(/created +1/);
    writeFileSync(join(folder, 'later.csv'), 'Task ID,Name,\n7,other words,\n');
    expect((await importOf('later.csv', ...options)).stdout).toMatch(/created +0\nupdated +1/);
  });

  it('which is a workbook, a folder, away or closed to the reader is refused in words, and so is an option without effect', async () => {
    writeFileSync(join(folder, 'book.xlsx'), Buffer.from('504b030414000600', 'hex'));
    writeFileSync(join(folder, 'old.csv'), Buffer.from('d0cf11e0a1b11ae1', 'hex'));
    writeFileSync(join(folder, 'todo.txt'), 'a task');
    writeFileSync(join(folder, 'closed.csv'), 'description');
    chmodSync(join(folder, 'closed.csv'), 0);
    mkdirSync(join(folder, 'folder'));
    writeFileSync(join(folder, 'table.txt'), 'Title,Due date\nbuy milk,2026-03-01\n');
    const refusals = await Promise.all([
      importOf('book.xlsx'),
      importOf('old.csv'),
      importOf('folder'),
      importOf('away.csv'),
      importOf('todo.txt', '--map', 'a=description'),
      importOf('todo.txt', '--format', 'ndjson', '--skip', '2'),
      importOf('list.md'),
      importOf('table.txt'),
      runOps(['import', 'away.csv', '--url', api.url], {}),
    ]);
    const texts = refusals.map(({ code, stderr }) => `${String(code)} ${stderr.trim().split('\n').at(-1) ?? ''}`);
    expect(texts).toEqual([
      expect.stringMatching(/^1 .*workbook.*save the sheet as CSV/),
      expect.stringMatching(/^1 .*workbook.*save the sheet as CSV/),
      expect.stringMatching(/^1 .*it is a folder/),
      expect.stringMatching(/^1 .*there is no such file/),
      expect.stringMatching(/^1 --map has no effect on todotxt/),
      expect.stringMatching(/^1 --skip has no effect on ndjson/),
      expect.stringMatching(/^1 .*list\.md is Markdown: .*docs\/import\.md/),
      expect.stringMatching(/^1 .*import .*table\.txt.* --format csv$/),
      // npm runs it in the clone's folder, wherever it was called.
      `1 Cannot read away.csv: there is no such file in ${process.cwd()}.`,
    ]);
    // Whoever runs as root may read everything.
    const closed = await importOf('closed.csv');
    if (process.getuid?.() !== 0) expect(closed.stderr).toContain('you may not read it');
  });
});

const order = (tasks: readonly object[], description: string): number =>
  tasks.findIndex((each) => 'description' in each && each.description === description);
