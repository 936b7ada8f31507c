/** Columns of a table, and keys of JSON objects, by what they are here: known, named by options, or guessed for a hint. */
import { TaskstreamError } from '../../platform/errors.ts';
import { lineOf } from '../../platform/printable.ts';
import type { Fields } from '../../pipeline/field.ts';
import { taskFields } from '../fields.ts';
import { oneSpelling } from '../text.ts';
import type { ReadOptions } from './lines.ts';
import { NAMES, NOTES, TOOLS } from './vocabulary.ts';

const fields: Fields = taskFields;
const columnsOf = (list: readonly Fields[string][]) => list.flatMap(({ csv }) => csv?.columns ?? []);

/** The task's own id, which an export writes, makes a row the same row the next time. */
export const CSV_COLUMNS = [...columnsOf(Object.values(fields)), 'id'];
/** What a column may be called by `--map`: beside those, the id that another tool gives. */
export const MAP_COLUMNS = [...CSV_COLUMNS, 'key'];
export const REQUIRED = columnsOf(Object.values(fields).filter(({ initial }) => initial === undefined));

/** Without regard to case, blanks, punctuation, and how Unicode spells it; a name of signs alone is as it stands. */
export const plain = (name: string): string => {
  const lower = oneSpelling(name).toLowerCase();
  return lower.replace(/[^\p{L}\p{M}\p{N}.]|\p{Variation_Selector}/gu, '') || lower.trim();
};

/** The column of a name; '' for one that is to be left out, and nothing for one that is not known. */
export const columnOf = (name: string, { map = {}, ignoreUnknown = false }: ReadOptions): string | undefined => {
  const mapped = Object.entries(map).find(([from]) => from === name || plain(from) === plain(name))?.[1];
  if (mapped === '' && name !== '') return '';
  const list = mapped === undefined ? CSV_COLUMNS : MAP_COLUMNS;
  return list.find((column) => plain(column) === plain(mapped ?? name)) ?? (ignoreUnknown ? '' : undefined);
};

const GUESSED = Object.entries(NAMES);
/** How many of the names are ones that some tool has, or that are known. */
export const recognised = (names: readonly string[], options: ReadOptions): number =>
  names.filter(
    (name) =>
      Boolean(columnOf(name, { ...options, ignoreUnknown: false })) ||
      [...GUESSED.flatMap(([, words]) => words), ...NOTES].includes(plain(name)),
  ).length;

export interface Suggestion {
  readonly options: readonly string[];
  /** Names that the options leave out. */
  readonly leftOut: readonly string[];
  readonly tool: string | undefined;
}

/**
 * Options that read what has these names; nothing where no name looks like a description.
 * @param hasForeignIds whether values of a column `id` are of another tool
 */
export const suggestColumns = (
  names: readonly string[],
  options: ReadOptions,
  hasForeignIds = false,
): Suggestion | undefined => {
  const asked = { ...options, ignoreUnknown: false };
  const known = new Map(names.map((name) => [name, columnOf(name, asked)]));
  const taken = new Set(known.values());
  const free = new Set(names.filter((name) => name !== '' && known.get(name) === undefined));
  const maps: string[] = [];
  const take = (name: string, column: string): void => {
    free.delete(name);
    taken.add(column);
    maps.push('--map', `${name}=${column}`);
  };
  const plainNames = names.map(plain);
  const tool = TOOLS.find(({ has }) => has.every((name) => plainNames.includes(name)));
  const given = Object.keys(options.map ?? {}).map(plain);
  const leftOut: string[] = [];
  for (const [word, column] of Object.entries(tool?.means ?? {})) {
    const name = names.find((each) => plain(each) === word && !given.includes(word));
    if (name === undefined) continue;
    if (column !== '') {
      if (!taken.has(column)) take(name, column);
      continue;
    }
    leftOut.push(name);
    free.delete(name);
    const own = known.get(name);
    if (own === undefined) continue;
    // A name that is ours: left alone, it would be read.
    maps.push('--map', `${name}=`);
    known.set(name, '');
    taken.delete(own);
  }
  const hasNamedTitle = Object.values(options.map ?? {}).includes('description');
  if (hasForeignIds && known.get('id') === 'id') take('id', 'key');
  for (const [column, words] of GUESSED) {
    if (column === 'description' ? hasNamedTitle : taken.has(column)) continue;
    const found = words.flatMap((word) => [...free].find((name) => plain(name) === word) ?? [])[0];
    if (found !== undefined) take(found, column);
  }
  if (!taken.has('description')) return undefined;
  for (const name of [...free]) if (NOTES.includes(plain(name))) take(name, 'description');
  const rows = tool?.only === undefined || options.only !== undefined ? [] : ['--only', tool.only];
  const onlyOf = rows.length === 0 ? undefined : plain(tool?.only?.split('=')[0] ?? '');
  const values = (tool?.values ?? []).filter((each) => {
    const [column = ''] = each.split('=');
    return taken.has(column) && options.values?.[column] === undefined;
  });
  const isRest = names.some(
    (name) => known.get(name) === undefined && (name === '' || free.has(name) || leftOut.includes(name)),
  );
  return {
    options: [
      ...maps,
      ...rows,
      ...values.flatMap((each) => ['--values', each]),
      ...(isRest ? ['--ignore-unknown'] : []),
    ],
    leftOut: [...leftOut, ...free].filter((name) => plain(name) !== onlyOf),
    tool: tool?.name,
  };
};

/**
 * One line, as what it quotes of the input must not look like a line of ours.
 * @param options of a command that would read the input; the command line says it whole
 */
export const withHint = (message: string, options: readonly string[], more: string[] = []): TaskstreamError =>
  new TaskstreamError('validation_failed', lineOf([message, ...more].join(' ')), {
    extensions: { suggestedOptions: options },
  });

/** Names that are shown of many: the command below them has to stay in sight. */
const MAX_SHOWN = 20;

/** Names in a row, or as many of them as somebody reads. */
export const namesShown = (names: readonly string[]): string =>
  names.length > MAX_SHOWN
    ? `${names.slice(0, MAX_SHOWN).join(', ')}, and ${names.length - MAX_SHOWN} more`
    : names.join(', ');

export const saySuggestion = ({ leftOut, tool }: Suggestion): string[] => [
  ...(tool === undefined ? [] : [`It looks like an export of ${tool}.`]),
  ...(leftOut.length === 0 ? [] : [`The command below leaves out: ${namesShown(leftOut)}.`]),
];
