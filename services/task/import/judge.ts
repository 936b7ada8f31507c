/** A line's fields, judged by the fields' own schemas, so that a fault is reported with its line and nothing is sent. */
import { z } from 'zod';
import { describeDetails, detailsOf } from '../../platform/validation.ts';
import type { AnyField, FieldValues } from '../../pipeline/field.ts';
import { taskFields } from '../fields.ts';
import type { ImportLine } from './line.ts';

const fields: Readonly<Record<string, AnyField>> = taskFields;

const schema = z.strictObject(
  Object.fromEntries(
    Object.entries(fields).map(([name, { createInput, input, initial }]) => [
      name,
      createInput ?? (initial === undefined ? input : input.optional()),
    ]),
  ),
);

const isTask = (value: Readonly<Record<string, unknown>>): value is FieldValues & { readonly description: string } =>
  typeof value['description'] === 'string';

/** @param found the fields as the line has them */
export const judgeLine = (line: number, raw: string, found: unknown): ImportLine => {
  const result = schema.safeParse(found);
  if (!result.success) return { line, raw, fault: describeDetails(detailsOf(result.error)) };
  return isTask(result.data)
    ? { line, raw, task: { isDone: false, ...result.data } }
    : { line, raw, fault: 'there is no description' };
};
