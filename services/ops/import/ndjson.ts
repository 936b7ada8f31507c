/** NDJSON: one JSON object a line, with the fields of `POST /tasks` and `isDone`. Empty lines are skipped. */
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { messageOf } from '../../shared/errors.ts';
import { PRIORITIES } from '../../shared/events.ts';
import type { ImportedTask, ImportLine, Reader } from './line.ts';

const schema = z.strictObject({
  description: z.string(),
  priority: z.enum(PRIORITIES).optional(),
  dates: z.strictObject({ start: z.string().nullish(), due: z.string().nullish() }).nullish(),
  isDone: z.boolean().default(false),
});

export const readNdjson: Reader = async function* (input) {
  let line = 0;
  for await (const raw of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1;
    // A byte order mark is no part of the first object.
    const text = (line === 1 ? raw.replace(/^\uFEFF/, '') : raw).trim();
    if (text !== '') yield parseLine(line, text);
  }
};

const parseLine = (line: number, raw: string): ImportLine => {
  let json: unknown;
  try {
    json = JSON.parse(raw);
  } catch (error) {
    return { line, raw, fault: `not JSON: ${messageOf(error)}` };
  }
  const result = schema.safeParse(json);
  if (!result.success) {
    return {
      line,
      raw,
      fault: result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    };
  }
  const { description, priority, dates, isDone } = result.data;
  const task: ImportedTask = {
    description,
    isDone,
    ...(priority ? { priority } : {}),
    ...datesOf(dates?.start, dates?.due),
  };
  return { line, raw, task };
};

/** The `dates` field of a task, left out when there are none. */
export const datesOf = (start?: string | null, due?: string | null): Pick<ImportedTask, 'dates'> => {
  if (!start && !due) return {};
  return { dates: { ...(start ? { start } : {}), ...(due ? { due } : {}) } };
};
