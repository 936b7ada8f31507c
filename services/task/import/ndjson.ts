/** NDJSON: one JSON object a line, with the fields of `POST /tasks` and `isDone`. Empty lines are skipped. */
import { z } from 'zod';
import { messageOf } from '../../platform/errors.ts';
import { PRIORITIES } from '../events.ts';
import { describeDetails, detailsOf } from '../../platform/validation.ts';
import { datesOf } from './dates.ts';
import type { ImportedTask, ImportLine } from './line.ts';
import { lineReader } from './lines.ts';

const schema = z.strictObject({
  description: z.string(),
  priority: z.enum(PRIORITIES).optional(),
  dates: z.strictObject({ start: z.string().nullish(), due: z.string().nullish() }).nullish(),
  isDone: z.boolean().default(false),
});

const parseLine = (line: number, raw: string): ImportLine => {
  let json: unknown;
  try {
    json = JSON.parse(raw);
  } catch (error) {
    return { line, raw, fault: `not JSON: ${messageOf(error)}` };
  }
  const result = schema.safeParse(json);
  if (!result.success) {
    return { line, raw, fault: describeDetails(detailsOf(result.error)) };
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

export const readNdjson = lineReader(parseLine);
