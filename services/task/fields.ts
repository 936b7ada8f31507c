/**
 * The fields of a task: the one list from which requests, SQL, events, mapping, search, import and the console's form
 * follow. To add a field, see CONTRIBUTING.md, "Add a field".
 */
import { z } from '@hono/zod-openapi';
import { byName, condition, field, type Fields } from '../pipeline/field.ts';
import { ownerField } from '../pipeline/owner.ts';
import { TEXT_MAPPING, textClause, textHighlight } from '../pipeline/index/text.ts';
import { meaningOf } from './import/words.ts';
import { hasVisibleCharacter, isUpTo, oneSpelling, VISIBLE_PATTERN } from './text.ts';

export const PRIORITIES = ['none', 'low', 'medium', 'high'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** Longest description, in characters: Unicode code points, as PostgreSQL, JSON Schema and most clients count. */
export const MAX_DESCRIPTION_LENGTH = 4_000;

const tooLong = (most: number): string => `must not be longer than ${most} characters`;

/** Text that people read. @param most characters */
const textUpTo = (most: number) =>
  z
    .string()
    .trim()
    .min(1, { error: 'must not be empty', abort: true })
    .refine(hasVisibleCharacter, { error: 'must have a visible character' })
    .refine((text) => isUpTo(text, most), { error: tooLong(most) })
    .refine((text) => !text.includes('\0'), { error: 'must not contain the character NUL' })
    .refine((text) => text.isWellFormed(), { error: 'must be well-formed Unicode: it has half of a surrogate pair' })
    .openapi({
      maxLength: most,
      pattern: VISIBLE_PATTERN,
      description: 'White space around it goes, and does not count.',
    });

const priority = byName('Priority', z.enum(PRIORITIES));

/** PostgreSQL's and JavaScript's calendars agree on these years. */
const [EARLIEST, LATEST] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')];

const timestamp = z.iso
  .datetime({
    offset: true,
    abort: true,
    error: 'must be an RFC 3339 date and time with offset, such as 2026-03-01T09:00:00Z',
  })
  .refine((text) => Date.parse(text) >= EARLIEST && Date.parse(text) <= LATEST, {
    error: 'must lie between the years 1 and 9999 in UTC',
  });

const START_AFTER_DUE = 'must not be after due';

const dates = byName(
  'GivenDates',
  z
    .strictObject({ start: timestamp.nullish(), due: timestamp.nullish() })
    .refine(({ start, due }) => !start || !due || Date.parse(start) <= Date.parse(due), {
      path: ['start'],
      error: START_AFTER_DUE,
    })
    .openapi({ description: 'In any offset; `start` must not be after `due`.' }),
);

const MAX_TAGS = 20;
const MAX_TAG_LENGTH = 50;

/** A tag that stands twice is one. */
const tags = z.array(textUpTo(MAX_TAG_LENGTH)).max(MAX_TAGS, { error: `must not be more than ${MAX_TAGS}` });

const shownTimestamp = z.iso.datetime({ offset: true });
const shownDates = z
  .object({ start: shownTimestamp.nullable(), due: shownTimestamp.nullable() })
  .openapi('Dates', { description: 'In UTC, with milliseconds.' });

/** UTC with milliseconds, or null. */
const utc = (text: string | null | undefined): string | null => (text ? new Date(text).toISOString() : null);

const before = (name: string) =>
  condition({
    schema: timestamp.openapi({ description: `Tasks whose ${name} is before this moment.` }),
    toClause: (moment) => ({ filter: { range: { [`dates.${name}`]: { lt: utc(moment) } } } }),
  });
const after = (name: string) =>
  condition({
    schema: timestamp.openapi({ description: `Tasks whose ${name} is at this moment or after it.` }),
    toClause: (moment) => ({ filter: { range: { [`dates.${name}`]: { gte: utc(moment) } } } }),
  });

/** The names of a cell that is a JSON array, as an export writes it for names that have a comma. */
const listIn = (cell: string | undefined): string[] | undefined => {
  if (cell?.startsWith('[') !== true) return undefined;
  try {
    return z.array(z.string()).parse(JSON.parse(cell));
  } catch {
    return undefined;
  }
};

/** `home, phone`, `home;phone`, `home|phone`, `#home #phone`, `:home:phone:` */
const wordsIn = (cell: string): string[] => {
  const isHashed = cell.startsWith('#') && !/[,;|]/.test(cell);
  return cell
    .split(/^:.*:$/.test(cell) ? ':' : isHashed ? '#' : /[,;|]/)
    .map((name) => name.trim().replace(/^#(?=.)/, ''))
    .filter((name) => name !== '');
};

const SEARCHED_WORDS =
  'Words that must all occur, in any form: as they stand, in other case, accents or inflection, as the beginning or the ' +
  'end of a word, or with a letter mistyped, in this order. None that has a hyphen in front may occur.';

export const taskFields = {
  description: field<string, string>({
    input: textUpTo(MAX_DESCRIPTION_LENGTH),
    shown: z.string().min(1),
    columns: { description: 'text' },
    toColumns: (value) => ({ description: value && oneSpelling(value) }),
    mapping: TEXT_MAPPING,
    highlight: textHighlight('description'),
    condition: {
      schema: z
        .string()
        .refine((text) => isUpTo(text, MAX_DESCRIPTION_LENGTH), { error: tooLong(MAX_DESCRIPTION_LENGTH) })
        .openapi({ maxLength: MAX_DESCRIPTION_LENGTH, description: SEARCHED_WORDS }),
      toClause: (words) => textClause('description', oneSpelling(words)),
    },
    csv: {
      columns: ['description'],
      read: (cells) => cells['description'] ?? '',
      write: (value) => ({ description: value }),
    },
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
    orders: { priority: { path: 'priority', ranks: PRIORITIES, description: 'the highest first' } },
    isFacet: true,
    csv: {
      columns: ['priority'],
      read: ({ priority: cell }) =>
        cell === undefined ? undefined : (meaningOf('priority', cell) ?? (cell as Priority)),
      write: (value) => ({ priority: value }),
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
    members: { start: 'start_at', due: 'due_at' },
    check: {
      sql: (column) => `${column('start_at')} <= ${column('due_at')}`,
      fault: { path: 'dates.start', message: START_AFTER_DUE },
    },
    mapping: { properties: { start: { type: 'date' }, due: { type: 'date' } } },
    moreConditions: {
      dueBefore: before('due'),
      dueAfter: after('due'),
      startBefore: before('start'),
      startAfter: after('start'),
      overdue: condition({
        isTimed: true,
        schema: z.boolean().openapi({
          description:
            'true: due before the search began, and not done; false: all others. Pages by cursor have the moment of the first.',
        }),
        toClause: (isOverdue, nowMs) => {
          const overdue = {
            bool: {
              filter: [{ range: { 'dates.due': { lt: nowMs, format: 'epoch_millis' } } }, { term: { isDone: false } }],
            },
          };
          return { filter: isOverdue ? overdue : { bool: { must_not: [overdue] } } };
        },
      }),
    },
    orders: {
      due: { path: 'dates.due', description: 'the soonest first, those without one last' },
      start: { path: 'dates.start', description: 'the earliest first, those without one last' },
    },
    csv: {
      columns: ['start', 'due'],
      read: ({ start, due }) => {
        return start === undefined && due === undefined ? undefined : { start, due };
      },
      write: ({ start, due }) => ({ start, due }),
    },
    control: { kind: 'timestamps', labels: { start: 'Start', due: 'Due' }, onCreate: ['due'] },
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
    isFacet: true,
    csv: {
      columns: ['isDone'],
      read: ({ isDone }) => {
        if (isDone === undefined) return undefined;
        const meaning = meaningOf('isDone', isDone);
        return meaning === undefined ? (isDone as never) : meaning === 'yes';
      },
      write: (value) => ({ isDone: String(value) }),
    },
    control: { kind: 'flag', label: 'Done' },
  }),

  tags: field<string[], string[]>({
    input: tags,
    initial: [],
    isLater: true,
    shown: z.array(z.string()),
    columns: { tags: 'text[]' },
    toColumns: (value) => ({ tags: [...new Set(value?.map(oneSpelling))] }),
    mapping: { type: 'keyword' },
    condition: {
      schema: tags.openapi({ description: 'Tags that a task must have, all of them.' }),
      toClause: (names) =>
        names.length === 0
          ? undefined
          : { filter: { bool: { filter: names.map((name) => ({ term: { tags: oneSpelling(name) } })) } } },
    },
    isFacet: true,
    csv: {
      columns: ['tags'],
      read: ({ tags: cell }) => listIn(cell) ?? (cell === undefined ? undefined : wordsIn(cell)),
      write: (names) => ({
        tags: names.some((name) => /[,;|[]|^[#:]/.test(name)) ? JSON.stringify(names) : names.join(', '),
      }),
    },
    control: { kind: 'words', label: 'Tags', placeholder: 'home, phone' },
  }),

  owner: ownerField,
} satisfies Fields;

/** Grows by one with every new field or event type; a migration writes it into `task_json`. */
export const TASK_SCHEMA_VERSION = 2;
