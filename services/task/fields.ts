/**
 * The fields of a task: the one list from which requests, SQL, events, mapping, search, import and the console's form
 * follow. To add a field, see CONTRIBUTING.md, "Add a field".
 */
import { z } from '@hono/zod-openapi';
import { field, type Fields } from '../pipeline/field.ts';
import { dayToTimestamp } from './import/dates.ts';

export const PRIORITIES = ['none', 'low', 'medium', 'high'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** Longest description, in UTF-16 code units. */
export const MAX_DESCRIPTION_LENGTH = 4_000;

const description = z
  .string()
  .trim()
  .min(1, { error: 'must not be empty' })
  .max(MAX_DESCRIPTION_LENGTH, { error: `must not be longer than ${MAX_DESCRIPTION_LENGTH} characters` })
  .refine((text) => !text.includes('\0'), { error: 'must not contain the character NUL' })
  .refine((text) => text.isWellFormed(), { error: 'must be well-formed Unicode: it has half of a surrogate pair' })
  // One character at least that is neither white space nor NUL, and no NUL beside it.
  .openapi({ pattern: '^[^\\u0000]*[^\\u0000\\s][^\\u0000]*$' });

const priority = z.enum(PRIORITIES, { error: `must be one of ${PRIORITIES.join(', ')}` });

/** PostgreSQL's and JavaScript's calendars agree on these years. */
const [EARLIEST, LATEST] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')];

const timestamp = z.iso
  .datetime({ offset: true, error: 'must be an RFC 3339 date and time with offset, such as 2026-03-01T09:00:00Z' })
  .refine((text) => Date.parse(text) >= EARLIEST && Date.parse(text) <= LATEST, {
    error: 'must lie between the years 1 and 9999 in UTC',
  });

const dates = z
  .strictObject({ start: timestamp.nullish(), due: timestamp.nullish() })
  .refine(({ start, due }) => !start || !due || Date.parse(start) <= Date.parse(due), {
    path: ['start'],
    error: 'must not be after due',
  });

const shownTimestamp = z.iso.datetime({ offset: true });
const shownDates = z.object({ start: shownTimestamp.nullable(), due: shownTimestamp.nullable() });

/** UTC with milliseconds, or null. */
const utc = (text: string | null | undefined): string | null => (text ? new Date(text).toISOString() : null);

const YES = ['true', 'yes', '1', 'x'];
const NO = ['false', 'no', '0'];

export const taskFields = {
  description: field<string, string>({
    input: description,
    shown: z.string().min(1),
    columns: { description: 'text' },
    toColumns: (value) => ({ description: value }),
    mapping: { type: 'text' },
    condition: {
      schema: z.string().max(MAX_DESCRIPTION_LENGTH).openapi({ description: 'Words that must all occur.' }),
      toClause: (words) =>
        words.trim() === '' ? undefined : { must: { match: { description: { query: words, operator: 'and' } } } },
    },
    csv: { columns: ['description'], read: (cells) => cells['description'] ?? '' },
    control: {
      kind: 'text',
      label: 'Description',
      maxLength: MAX_DESCRIPTION_LENGTH,
      placeholder: 'Water the plants',
    },
  }),

  priority: field<Priority, Priority>({
    input: priority,
    initial: 'none',
    shown: priority,
    columns: { priority: 'priority' },
    toColumns: (value) => ({ priority: value }),
    mapping: { type: 'keyword' },
    condition: { schema: priority, toClause: (value) => ({ filter: { term: { priority: value } } }) },
    csv: {
      columns: ['priority'],
      read: (cells) => PRIORITIES.find((name) => name === cells['priority']) ?? (cells['priority'] as Priority),
    },
    control: { kind: 'choice', label: 'Priority', options: PRIORITIES },
  }),

  dates: field<z.infer<typeof dates>, never, z.infer<typeof shownDates>>({
    input: dates,
    createInput: dates.nullish(),
    initial: { start: null, due: null },
    shown: shownDates,
    columns: { start_at: 'timestamptz', due_at: 'timestamptz' },
    toColumns: (value) => ({ start_at: utc(value?.start), due_at: utc(value?.due) }),
    mapping: { properties: { start: { type: 'date' }, due: { type: 'date' } } },
    csv: {
      columns: ['start', 'due'],
      read: ({ start, due }) => {
        const [from, until] = [dayToTimestamp(start), dayToTimestamp(due)];
        return from === undefined && until === undefined ? undefined : { start: from, due: until };
      },
    },
    control: { kind: 'moments', labels: { start: 'Start', due: 'Due' }, onCreate: ['due'] },
  }),

  isDone: field<boolean, boolean>({
    input: z.boolean(),
    initial: false,
    isCreatable: false,
    shown: z.boolean(),
    columns: { is_done: 'boolean' },
    toColumns: (value) => ({ is_done: value }),
    mapping: { type: 'boolean' },
    condition: { schema: z.boolean(), toClause: (value) => ({ filter: { term: { isDone: value } } }) },
    csv: {
      columns: ['isDone'],
      read: ({ isDone }) => {
        if (isDone === undefined || NO.includes(isDone)) return undefined;
        return YES.includes(isDone) ? true : (isDone as never);
      },
    },
    control: { kind: 'flag', label: 'Done' },
  }),
} satisfies Fields;

/** Grows by one with every change of the fields; the migration that adds a column writes it into `task_json`. */
export const TASK_SCHEMA_VERSION = 1;
