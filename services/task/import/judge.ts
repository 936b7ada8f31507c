/** A line's fields, judged by the fields' own schemas, so that a fault is reported with its line and nothing is sent. */
import { z } from 'zod';
import { describeDetails, detailsOf } from '../../platform/validation.ts';
import type { AnyField } from '../../pipeline/field.ts';
import { taskFields } from '../fields.ts';
import type { ImportLine } from './lines.ts';

const fields: Readonly<Record<string, AnyField>> = taskFields;

const schema = z.strictObject(
  Object.fromEntries(
    Object.entries(fields).map(([name, { createInput, input, initial }]) => [
      name,
      createInput ?? (initial === undefined ? input : input.optional()),
    ]),
  ),
);

/** @param found the fields as the line has them */
export const judgeLine = (line: number, raw: string, found: unknown): ImportLine => {
  const result = schema.safeParse(found);
  return result.success
    ? { line, raw, task: { isDone: false, ...result.data } }
    : { line, raw, fault: describeDetails(detailsOf(result.error)) };
};
