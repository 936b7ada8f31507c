/** The end of each command's help, in one form: a test finds it in all of them, and has the examples read by their parsers. */
import { Help } from 'commander';

export interface HelpText {
  /** What else is to be known. */
  readonly notes?: string;
  /** What each exit code means; 1 says that it could not run unless it says more. */
  readonly exits: Readonly<Record<number, string>>;
  /** Lines for a shell. */
  readonly examples: readonly string[];
}

/** Of a terminal that nobody has widened. */
const WIDTH = 80;
const MEANING_INDENT = 5;

const wrap = (text: string, width = WIDTH): string => new Help().boxWrap(text.replaceAll('\n', ' '), width);

/** Prose in lines that fit; what is indented, as a table, stays as it is. */
const paragraphs = (notes: string): string => notes.replaceAll(/^\S.*(?:\n\S.*)*/gm, (prose) => wrap(prose));

export const helpText = ({ notes = '', exits, examples }: HelpText): string => {
  const codes = Object.entries({ 1: 'it could not run', ...exits });
  return [
    ...(notes === '' ? [] : ['', paragraphs(notes.replace(/^\n/, '').trimEnd())]),
    '',
    'Exit codes:',
    ...codes.map(
      ([code, meaning]) =>
        `  ${code}  ${wrap(meaning, WIDTH - MEANING_INDENT).replaceAll('\n', `\n${' '.repeat(MEANING_INDENT)}`)}`,
    ),
    '',
    'Examples:',
    ...examples.map((line) => `  ${line}`),
  ].join('\n');
};
