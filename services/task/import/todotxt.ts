/**
 * todo.txt: one task a line, `x 2026-03-02 2026-03-01 (A) Call the bank +home @phone due:2026-03-05`.
 * Source: the todo.txt format rules (todotxt/todo.txt). Projects and contexts become tags without their sign, and stay in the
 * description too, as they are often words of its sentence. Priority A is high, B medium, C and below low. `due:` and the common extension `t:` (threshold) become
 * the dates; other `key:value` pairs, such as `rec:`, stay in the text. Creation and completion dates have no field: they are
 * left out, and counted.
 */
import { taskFields, type Priority } from '../fields.ts';
import { withHint } from './columns.ts';
import { isHeader } from './csv.ts';
import { isDay, type DayReader } from './dates.ts';
import { judgeLine } from './judge.ts';
import { lineReader, type ImportLine, type ReadOptions } from './lines.ts';

const DONE = /^x\s+/;
const PRIORITY = /^\(([A-Z])\)\s+/;
const FRONT_DATES = 'a date of creation or completion';
const FRONT_DATE = /^(\d{4}-\d{2}-\d{2})(?:\s+|$)/;
/** As text, what is done would be open. */
const CHECKBOX = /^[-*+] \[[ xX]\] /;
const DATE_TAG = /(?:^|\s)(?<key>due|t|pri|id):(?<value>\S+)/g;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** A project or context: a word with its sign, alone between blanks. */
const LABEL = /(?<=^|\s)[+@](\S+)(?=\s|$)/g;
/** As many as a task may have; further ones stay in the text. */
const MAX_LABELS = 20;

/** A word that can be no tag, as one that is too long, stays in the text. */
export const labelsIn = (text: string): string[] => {
  const labels = [...text.matchAll(LABEL)].map(([, label = '']) => label);
  return [...new Set(labels)].filter((label) => taskFields.tags.input.safeParse([label]).success);
};

/** Whether a tag is one that this format knows; `due:tomorrow`, 2026-02-30 and a year 0 are no dates, and stay in the text. */
const isTag = (key: string, value: string, days: DayReader): boolean => {
  if (key === 'pri') return /^[A-Z]$/.test(value);
  if (key === 'id') return UUID.test(value);
  return isDay(value) && taskFields.dates.input.safeParse({ due: days(value) }).success;
};

/** Completion, priority and dates at the front, in any order that applications write, and the text behind them. */
const frontOf = (raw: string): { done: boolean; letter: string | undefined; dates: number; text: string } => {
  const done = DONE.test(raw);
  let text = raw.replace(DONE, '');
  let letter: string | undefined;
  for (let dates = 0; ;) {
    const [priority, found] = letter === undefined ? (PRIORITY.exec(text) ?? []) : [];
    const [front, day = ''] = FRONT_DATE.exec(text) ?? [];
    if (priority !== undefined) letter = found;
    // A second one is the day of completion; in front of an open task it is a word of its text.
    else if (front === undefined || !isDay(day) || dates === (done ? 2 : 1)) return { done, letter, dates, text };
    else dates += 1;
    text = text.slice((priority ?? front ?? '').length);
  }
};

const parseLine = (line: number, raw: string, { days }: ReadOptions): ImportLine => {
  if (CHECKBOX.test(raw))
    return { line, fault: 'is of a Markdown checklist: make a todo.txt of it, as docs/import.md shows' };
  const { done, letter, dates, text } = frontOf(raw);
  const tags: Record<string, string> = {};
  // An export writes the task's own id behind its text, which may have another.
  const ownId = [...text.matchAll(DATE_TAG)].findLast(({ 1: key, 2: value = '' }) => key === 'id' && UUID.test(value));
  const description = text
    .replace(DATE_TAG, (tag: string, key: string, value: string, at: number) => {
      if (!isTag(key, value, days) || key in tags || (key === 'id' && at !== ownId?.index)) return tag;
      tags[key] = value;
      return '';
    })
    .trim();
  if (description === '') return { line, fault: 'there is no text besides dates and marks' };
  const { due, t } = tags;
  // A task that may begin after it is due has its due date; the other one stays where it was read.
  const isLate = t !== undefined && due !== undefined && t > due;
  const full = isLate ? `${description} t:${t}` : description;
  const mark = letter ?? tags['pri'];
  const labels = labelsIn(description).slice(0, MAX_LABELS);
  const start = t === undefined || isLate ? undefined : days(t);
  const judged = judgeLine(line, {
    id: tags['id'],
    // People edit completion, priority and dates of a line: its text makes it the same one.
    identity: `text:${description}`,
    fieldsIn: () => ({
      description: full,
      ...(labels.length === 0 ? {} : { tags: labels }),
      isDone: done,
      ...(mark === undefined ? {} : { priority: priorityOf(mark) }),
      ...(start === undefined && due === undefined
        ? {}
        : { dates: { start, due: due === undefined ? undefined : days(due) } }),
    }),
  });
  return 'task' in judged && dates > 0 ? { ...judged, leftOut: FRONT_DATES } : judged;
};

const priorityOf = (letter: string): Priority => (letter === 'A' ? 'high' : letter === 'B' ? 'medium' : 'low');

/** A `.txt` may hold anything, and any line is a task here. @throws TaskstreamError with the format that it seems to be */
const checkGuess = (first: string, options: ReadOptions): void => {
  if (options.isGuess !== true) return;
  const [format, what] = /^(?:\[|\[?\s*\{(?:\s*".*)?)$/.test(first)
    ? ['ndjson', 'JSON']
    : isHeader(first, options)
      ? ['csv', 'CSV with a header']
      : [];
  if (format !== undefined) {
    throw withHint(`The file seems to be ${what}; --format todotxt reads it as it is.`, ['--format', format]);
  }
};

export const readTodoTxt = lineReader(parseLine, checkGuess);
