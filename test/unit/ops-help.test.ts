import { CommanderError, InvalidArgumentError, type Command } from 'commander';
import { beforeAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../services/ops/commands.ts';
import { POISON_CODES } from '../../services/platform/errors.ts';
import { runOps } from '../support/ops.ts';
import { commandsOf } from '../support/shell.ts';

let program: Command;
let said = '';

const pathOf = (command: Command): string =>
  command.parent === null ? '' : `${pathOf(command.parent)} ${command.name()}`.trim();
const allOf = (command: Command): Command[] => [command, ...command.commands.flatMap(allOf)];
const helpOf = (command: Command): string => {
  said = '';
  command.outputHelp();
  return said;
};

/** What a command line is answered with, of which nothing is carried out. */
const answerTo = async (args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> => {
  said = '';
  // Commands keep what an earlier line has set.
  program = await quietProgram();
  try {
    await program.parseAsync(args, { from: 'user' });
    return { code: 0, text: said };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { code: error.exitCode, text: said };
  }
};

const quietProgram = async (): Promise<Command> => {
  const made = await createProgram(() => true);
  const write = (text: string) => (said += text);
  for (const command of allOf(made)) {
    command.exitOverride().configureOutput({ writeOut: write, writeErr: write });
    // A group alone does nothing, and has no options.
    if (command.commands.length === 0 || command.options.length > 0) command.action(() => undefined);
  }
  return made;
};

beforeAll(async () => {
  program = await quietProgram();
}, 120_000);

describe('the help', () => {
  it('of each command has its exit codes, and examples that its own parser takes', { timeout: 120_000 }, async () => {
    const faults: string[] = [];
    for (const command of allOf(program)) {
      const path = pathOf(command);
      const [, codes = '', shell = ''] = /\nExit codes:\n([^]*?)\n\nExamples:\n([^]*)$/.exec(helpOf(command)) ?? [];
      for (const code of [0, 1])
        if (!new RegExp(`^  ${code}  \\S`, 'm').test(codes)) faults.push(`${path}: code ${code}`);
      // npm says first what it runs, which is no JSON.
      for (const line of shell.split('\n'))
        if (/npm run ops [^|>]*( \| | > )/.test(line)) faults.push(`${path}: not --silent: ${line}`);
      for (const line of helpOf(command).split('\n'))
        if (line.length > 80 && /^\S|^ {2}\d {2}/.test(line) && !line.slice(5).includes('  '))
          faults.push(`${path}: wide: ${line}`);
      const lines = commandsOf(shell).filter(([tool, ...words]) => tool === 'npm' && words.includes('ops'));
      const examples = lines.map((words) => words.slice(words.indexOf('--') + 1));
      if (!examples.some((words) => words.join(' ').startsWith(path))) faults.push(`${path}: no example`);
      for (const words of examples) {
        const { code, text } = await answerTo(words);
        if (code !== 0) faults.push(`${path}: ${words.join(' ')}: ${text}`);
      }
    }
    expect(faults).toEqual([]);
  });

  it('of a command with further exit codes has those too', () => {
    const codes = (path: string): string[] => {
      const command = allOf(program).find((each) => pathOf(each) === path);
      return [...helpOf(command ?? program).matchAll(/^ {2}(\d) {2}\S/gm)].map(([, code = '']) => code);
    };
    // What code 1 means is said by default.
    expect(codes('verify')).toEqual(['0', '1', '2', '3']);
    for (const path of ['import', 'lag', 'outbox', 'reindex', 'reindex rollback', 'dlq replay'])
      expect(codes(path), path).toEqual(['0', '1', '2']);
  });
});

it('no option takes for a number what is none', { timeout: 120_000 }, async () => {
  const taken: string[] = [];
  for (const command of allOf(await quietProgram())) {
    for (const option of command.options.filter(({ parseArg }) => parseArg !== undefined)) {
      for (const wrong of ['x', '', '1.5.2']) {
        try {
          const value: unknown = option.parseArg?.<unknown>(wrong, undefined);
          if (Number.isNaN(value)) taken.push(`${pathOf(command)} ${option.flags}: ${wrong}`);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidArgumentError);
        }
      }
    }
  }
  expect(taken).toEqual([]);
});

describe('reasons of dead letters', { timeout: 60_000 }, () => {
  it('are in the help of each command that takes them: all that there are', () => {
    for (const path of ['dlq list', 'dlq replay', 'dlq discard']) {
      const command = allOf(program).find((each) => pathOf(each) === path);
      const help = helpOf(command ?? program);
      for (const reason of [...POISON_CODES, 'unknown']) expect(help).toMatch(new RegExp(`^  ${reason} +\\S`, 'm'));
    }
  });

  it('of another version are taken, with a warning that says which one is near', async () => {
    const near = await answerTo(['dlq', 'list', '--reason', 'malformed_evnt']);
    expect(near).toMatchObject({ code: 0, text: expect.stringContaining("unknown reason 'malformed_evnt'") as string });
    expect(near.text).toContain('(Did you mean malformed_event?)');
    const far = await answerTo(['dlq', 'discard', '--reason', 'toString', '--reason', 'internal']);
    expect(far).toEqual({
      code: 0,
      text: expect.stringMatching(/^warning: unknown reason 'toString'[^\n]*\n$/) as string,
    });
  });
});

describe('a mistyped word is answered with what was meant', () => {
  it.each([
    ['impor', "unknown command 'impor'", 'import'],
    ['dlq lst', "unknown command 'lst'", 'list'],
    ['events tial --since 1h', "unknown command 'tial'", 'tail'],
    ['reindex rollbck', "unknown command 'rollbck'", 'rollback'],
    ['outbox refussed', "unknown command 'refussed'", 'refused'],
    ['import --sorce x', "unknown option '--sorce'", '--source'],
    ['import x.csv --type csv --formt csv', "unknown option '--type'", undefined],
    ['dlq list --raeson null_key', "unknown option '--raeson'", '--reason'],
    ['events replay --grup audit', "unknown option '--grup'", '--group'],
    ['import x --format cvs', "'cvs' is invalid", 'csv'],
    ['import x --format CSV', "'CSV' is invalid", 'csv'],
    ['export --format todotext', "'todotext' is invalid", 'todotxt'],
    ['reindex --source topc', "'topc' is invalid", 'topic'],
    ['verify --content alwys', "'alwys' is invalid", 'always'],
    ['wait al', "'al' is invalid", 'all'],
    ['wait data-plan', "'data-plan' is invalid", 'data-plane'],
    ['events tail --type craeted', "'craeted' is invalid", 'created'],
  ])('ops %s', { timeout: 60_000 }, async (line, wrong, right) => {
    const { code, text } = await answerTo(line.split(' '));
    expect(text).toContain(wrong);
    if (right !== undefined) expect(text).toContain(`(Did you mean ${right}?)`);
    else expect(text).not.toContain('Did you mean');
    // Not the whole help, under which the sentence would be lost.
    expect(text.trim().split('\n').length).toBeLessThan(5);
    expect(code).toBe(1);
  });

  it('and where nothing is near with nothing', { timeout: 60_000 }, async () => {
    const { text } = await answerTo(['reindex', 'sideways']);
    expect(text).toContain("error: unknown command 'sideways'\n");
    expect(text).not.toContain('Did you mean');
    expect((await answerTo(['import', 'a.csv', 'b.csv'])).text).toContain('too many arguments');
  });
});

it('ops ends with 1 on a typo, and shows the help of one command with its options', { timeout: 60_000 }, async () => {
  const [typo, inner, help] = await Promise.all([
    runOps(['impor'], {}),
    runOps(['reindex', 'rollbck'], {}),
    runOps(['help', 'import'], {}),
  ]);
  expect(typo).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('Did you mean import?') as string,
  });
  expect(inner).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('Did you mean rollback?') as string,
  });
  expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('--timezone') as string });
});
