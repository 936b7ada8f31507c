/** A task from cells of text, by column: of a row of CSV, or of a JSON object with other keys. */
import { shorten } from '../../platform/validation.ts';
import type { Fields } from '../../pipeline/field.ts';
import { taskFields } from '../fields.ts';
import { judgeLine } from './judge.ts';
import type { ImportLine, ReadOptions } from './lines.ts';
import { NO_DATE, WORDS } from './vocabulary.ts';
import { wordOf } from './words.ts';

const fields: Fields = taskFields;
const DATES = ['start', 'due'];
const INSTANT = /^\d{4}-\d\d-\d\dT/;
/** What a shell takes as it stands. */
const PLAIN_WORD = /^[\p{L}\p{N}]+$/u;
/** Of a value in a fault, in characters. */
const MAX_SHOWN_LENGTH = 60;

/**
 * @param cellsOf the cells of a column, without empty ones
 * @param updatedAt when the task was changed last, if the row says it
 */
export const rowLine = (
  line: number,
  cellsOf: (column: string) => readonly string[],
  { days, values = {} }: ReadOptions,
  updatedAt?: unknown,
): ImportLine => {
  const meant = (column: string, cell: string): string => {
    const [words, word] = [values[column] ?? {}, wordOf(cell)];
    return Object.hasOwn(words, word) ? (words[word] ?? cell) : cell;
  };
  const cellOf = (column: string, timezone?: string): string | undefined => {
    const cells = cellsOf(column).map((cell) => meant(column, cell));
    // A title, and notes below it; tags of several columns.
    const cell = column === 'description' ? cells.join('\n') : column === 'tags' ? listOf(cells) : cells[0];
    if (!cell) return undefined;
    if (DATES.includes(column)) return NO_DATE.includes(wordOf(cell)) ? undefined : days(cell, timezone);
    // When it was completed says that it was.
    if (column === 'isDone' && (NO_DATE.includes(cell.toLowerCase()) || INSTANT.test(days(cell)))) {
      return NO_DATE.includes(cell.toLowerCase()) ? 'no' : 'yes';
    }
    return cell;
  };
  const fieldsIn = (timezone?: string) =>
    Object.fromEntries(
      Object.entries(fields).map(([name, { csv }]) => {
        const own = Object.fromEntries((csv?.columns ?? []).map((column) => [column, cellOf(column, timezone)]));
        return [name, csv?.read(own)];
      }),
    );
  const said = (column: string): string => JSON.stringify(shorten(cellOf(column) ?? '', MAX_SHOWN_LENGTH));
  const meaning = (column: keyof typeof WORDS): string => {
    const senses = Object.keys(WORDS[column]);
    const word = wordOf(cellOf(column) ?? '');
    return `${said(column)} is not known: say which of ${senses.join(', ')} it means, as in --values ${column}=${PLAIN_WORD.test(word) ? word : 'WORD'}:${senses[0] ?? ''}`;
  };
  const date = (column: string): string =>
    `${said(column)} is no date that can be read: name the form of dates, as in --date-format d/M/yyyy or M/d/yyyy, correct it in the file, or leave its column out by --map HEADER=`;
  const key = cellOf('key');
  return judgeLine(line, {
    fieldsIn,
    id: cellOf('id'),
    updatedAt,
    words: () => ({ priority: cellOf('priority') ?? '', isDone: cellOf('isDone') ?? '' }),
    advice: () => ({
      priority: meaning('priority'),
      isDone: meaning('isDone'),
      // A date that was read, and is refused, is refused for another reason.
      ...Object.fromEntries(
        DATES.filter((column) => !INSTANT.test(cellOf(column) ?? '')).map((column) => [
          `dates.${column}`,
          date(column),
        ]),
      ),
    }),
    ...(key === undefined ? {} : { identity: `key:${key}` }),
  });
};

const listOf = (cells: readonly string[]): string | undefined => (cells.length <= 1 ? cells[0] : cells.join(','));

/** Why the row is no task, by `--only`. @param cell of the column that tells */
export const skippedBy = ({ only }: ReadOptions, cell: string | undefined): string | undefined => {
  if (only === undefined || only.words.includes(wordOf(cell ?? ''))) return undefined;
  return `${only.name} ${cell === undefined || cell === '' ? 'empty' : cell}`;
};
