import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { commandLine, quoted } from '../../services/ops/cli/shell.ts';
import { lineOf } from '../../services/platform/printable.ts';

const WORDS = [
  ...['plain', "it's", 'Task ID=key', '\u0001', 'Title\u001b[31m=description', 'a\nb\\n', "\u001b'\\'", '\u0085e', ''],
  ...fc.sample(fc.string({ unit: 'binary', maxLength: 20 }), { numRuns: 500, seed: 7 }),
].filter((word) => !word.includes('\0'));

it('a word of a suggested command is the same word when it is pasted into bash, and has nothing that a terminal acts on', () => {
  const words = WORDS.map(quoted);
  for (const word of words) expect(lineOf(word)).toBe(word);
  const printed = execFileSync('bash', ['-c', `printf '%s\\0' ${words.join(' ')}`], { encoding: 'utf8' });
  expect(printed.split('\0').slice(0, -1)).toEqual(WORDS);
});

it('an ordinary command stays as a person would write it', () => {
  expect(commandLine(['import', 'to do.csv', '--map', "It's=due", '--at', 'cards'])).toBe(
    String.raw`npm run ops -- import 'to do.csv' --map 'It'\''s=due' --at cards`,
  );
});
