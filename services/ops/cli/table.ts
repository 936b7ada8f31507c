/**
 * Tables for people. Each fits the terminal, and nothing of a cell is left out. Where there is no terminal, as in a pipe, a row is one
 * line: what filters lines gets whole ones.
 */
import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';
import colors from 'picocolors';

export interface Column {
  /** Its heading; nothing in a table without headings. */
  readonly head?: string;
  readonly align?: 'right';
  /** Prose, which may take several lines beside other columns. */
  readonly wraps?: boolean;
}

/** Of a terminal that does not say how wide it is. */
const USUAL_WIDTH = 80;
const LEAST_WIDTH = 40;
const GAP = '  ';
/** Prose in less than this is hard to read: it goes below its row. */
const LEAST_PROSE = 24;
const INDENT = 4;

/** Of the terminal that standard output goes to. */
const outputWidth = (): number =>
  process.stdout.isTTY ? Math.max(process.stdout.columns || USUAL_WIDTH, LEAST_WIDTH) : Infinity;

/**
 * A table without borders. Columns that do not fit go below their row, from the last on, each cell with its heading in front.
 * @param rows a cell for each column; an empty one is not shown below its row
 */
export const tableText = (
  columns: readonly Column[],
  rows: readonly (readonly (string | number | null)[])[],
  width = outputWidth(),
): string => {
  const cells = rows.map((row) => row.map((cell) => String(cell ?? '')));
  const natural = columns.map(({ head = '' }, at) =>
    Math.max(widthOf(head), ...cells.map((row) => widthOf(row[at] ?? ''))),
  );
  const restFrom = (at: number): number =>
    width - natural.slice(0, at).reduce((sum, each) => sum + each + GAP.length, 0);
  let kept = columns.length;
  const fits = (at: number): boolean =>
    restFrom(at) >= (columns[at]?.wraps === true ? Math.min(natural[at] ?? 0, LEAST_PROSE) : (natural[at] ?? 0));
  while (kept > 1 && !fits(kept - 1)) kept -= 1;
  const last = kept - 1;
  // The last one has all that is left, so that a cell over all columns has the whole width: it is aligned here.
  const rest = width === Infinity ? Math.max(1, natural[last] ?? 0) : restFrom(last);
  const widths = [...natural.slice(0, last), rest];
  const aligned = (cell: string, at: number): string =>
    at === last && columns[at]?.align === 'right'
      ? ' '.repeat(Math.max(0, Math.min(natural[at] ?? 0, restFrom(at)) - widthOf(cell))) + cell
      : cell;
  const heads = columns.map(({ head = '' }) => head);
  const table = new Table({
    chars: { ...NO_BORDERS, middle: GAP },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colWidths: widths,
    colAligns: columns.slice(0, last).map(({ align }) => align ?? 'left'),
    wordWrap: true,
  });
  if (heads.some((head) => head !== ''))
    table.push(heads.slice(0, kept).map((head, at) => aligned(colors.bold(head), at)));
  for (const row of cells) {
    table.push(row.slice(0, kept).map((cell, at) => breakable(aligned(cell, at), widths[at] ?? width)));
    const below = row.slice(kept).flatMap((cell, at) => (cell === '' ? [] : [`${heads[kept + at] ?? ''}: ${cell}`]));
    if (below.length > 0) {
      // The library takes gaps of one character for granted where cells span columns.
      const room = width - INDENT - last * GAP.length;
      const content = breakable(gather(below, room).join('\n'), room);
      table.push([{ content, colSpan: kept, hAlign: 'left', style: { 'padding-left': INDENT } }]);
    }
  }
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
};

/** Facts, one below the other, each after its name. */
export const factsText = (facts: readonly (readonly [name: string, value: string])[], width?: number): string =>
  tableText([{}, { wraps: true }], facts, width);

/** A sentence beside a table, in as many lines as it takes. */
export const proseText = (text: string, width?: number): string => tableText([{ wraps: true }], [[text]], width);

const NO_BORDERS = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid'].flatMap((side) =>
    [side, `${side}-mid`, `${side}-left`, `${side}-right`].map((name) => [name, '']),
  ),
);

/** As many items on a line as fit. */
const gather = (items: readonly string[], width: number): string[] =>
  items.reduce<string[]>((lines, item) => {
    const line = `${lines.at(-1) ?? ''}${GAP}${item}`;
    return lines.length > 0 && widthOf(line) <= width ? [...lines.slice(0, -1), line] : [...lines, item];
  }, []);

/** What terminals draw two columns wide: East Asian characters and pictures; Unicode's UAX #11. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{17000}-\u{18fff}\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

const widthOf = (text: string): number =>
  Array.from(stripVTControlCharacters(text), (character) => (WIDE.test(character) ? 2 : 1)).reduce<number>(
    (sum, columns) => sum + columns,
    0,
  );

/** With line breaks in words that are wider than a line: the library would cut them off. */
const breakable = (text: string, width: number): string =>
  text.replaceAll(/\u001b\[\d+m|[^\s\u001b]+/g, (word) => {
    if (word.startsWith('\u001b') || widthOf(word) <= width) return word;
    const parts = [''];
    for (const character of word) {
      const longer = `${parts.at(-1) ?? ''}${character}`;
      if (widthOf(longer) <= width) parts[parts.length - 1] = longer;
      else parts.push(character);
    }
    return parts.join('\n');
  });
