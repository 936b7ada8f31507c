/** Lines of files that `ops import` reads, one for each task. */
import { DateTime } from 'luxon';
import { z } from 'zod';
import { initialsOf, type Fields, type FieldValues } from '../../pipeline/field.ts';
import { taskFields, type Priority } from '../fields.ts';
import { columnsText } from '../import/create-task.ts';
import { CSV_COLUMNS } from '../import/columns.ts';
import type { ImportLine } from '../import/lines.ts';
import { labelsIn } from '../import/todotxt.ts';

/** A task as the API shows it. */
export const exportedSchema = z.looseObject({ id: z.guid(), createdAt: z.string(), updatedAt: z.string() });
export type ExportedTask = z.infer<typeof exportedSchema>;

export interface Writer {
  /** The line before all tasks. */
  readonly head?: string;
  /** @param timezone where a day begins, in formats that have days only */
  lineOf(task: ExportedTask, timezone: string): string;
}

/** What the API shows, whole. */
export const ndjsonWriter: Writer = { lineOf: (task) => JSON.stringify(task) };

const fields: Fields = taskFields;

/** RFC 4180. White space at the ends would be lost without the quotes. */
const cellOf = (text: string): string => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export const csvWriter: Writer = {
  head: CSV_COLUMNS.join(),
  lineOf: (task) => {
    const cells = Object.entries(fields).flatMap(([name, { csv }]) => Object.entries(csv?.write(task[name]) ?? {}));
    const row = new Map([...cells, ['id', task.id]]);
    return CSV_COLUMNS.map((column) => cellOf(row.get(column) ?? '')).join();
  },
};

const LETTERS: Readonly<Record<Priority, string | undefined>> = { none: undefined, low: 'C', medium: 'B', high: 'A' };

/** The parts of a line of todo.txt. */
const shownSchema = z.object({
  description: taskFields.description.shown,
  priority: taskFields.priority.shown,
  dates: taskFields.dates.shown,
  isDone: taskFields.isDone.shown,
  tags: taskFields.tags.shown,
});

/**
 * `x 2026-03-02 2026-03-01 Call the bank @phone pri:A due:2026-03-05 id:…`. A line has one line, days without a time, and
 * tags without blanks. The day of completion is that of the last change: a task knows no other.
 */
export const todoTxtWriter: Writer = {
  lineOf: (task, timezone) => {
    const { description, priority, dates, isDone, tags } = shownSchema.parse(task);
    const day = (instant: string): string => DateTime.fromISO(instant, { zone: timezone }).toISODate() ?? '';
    const letter = LETTERS[priority];
    const text = description.replace(/[\r\n]+/g, ' ');
    const labels = labelsIn(text);
    return [
      ...(isDone ? ['x', day(task.updatedAt)] : letter === undefined ? [] : [`(${letter})`]),
      day(task.createdAt),
      text,
      ...tags.filter((tag) => !labels.includes(tag)).map((tag) => `+${tag.replace(/\s+/g, '_')}`),
      ...(isDone && letter !== undefined ? [`pri:${letter}`] : []),
      ...(dates.start === null ? [] : [`t:${day(dates.start)}`]),
      ...(dates.due === null ? [] : [`due:${day(dates.due)}`]),
      `id:${task.id}`,
    ].join(' ');
  },
};

/** Whether an import of the line, as a reader read it, gives all that the task has. */
export const isWhole = (task: FieldValues, line: ImportLine): boolean =>
  'named' in line && columnsText({ ...initialsOf(fields), ...line.named }) === columnsText(task);
