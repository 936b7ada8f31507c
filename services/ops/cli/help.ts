/** The end of each command's help, in one form: a test finds it in all of them, and has the examples read by their parsers. */

export interface HelpText {
  /** What else is to be known. */
  readonly notes?: string;
  /** What each exit code means; 1 says that it could not run unless it says more. */
  readonly exits: Readonly<Record<number, string>>;
  /** Lines for a shell. */
  readonly examples: readonly string[];
}

export const helpText = ({ notes = '', exits, examples }: HelpText): string => {
  const codes = Object.entries({ 1: 'it could not run', ...exits });
  return [
    ...(notes === '' ? [] : ['', notes.replace(/^\n/, '').trimEnd()]),
    '',
    'Exit codes:',
    ...codes.map(([code, meaning]) => `  ${code}  ${meaning}`),
    '',
    'Examples:',
    ...examples.map((line) => `  ${line}`),
  ].join('\n');
};
