/** A line's fields, judged by the fields' own schemas, so that a fault is reported with its line and nothing is sent. */
import { z } from 'zod';
import { describeDetails, detailsOf } from '../../platform/validation.ts';
import type { AnyField, FieldValues } from '../../pipeline/field.ts';
import { taskFields } from '../fields.ts';
import type { ImportLine } from './lines.ts';

const fields: Readonly<Record<string, AnyField>> = taskFields;

/** The fields of a line; one that may be left out is absent when it is null. */
export const lineSchema: z.ZodType<FieldValues> = z.strictObject(
  Object.fromEntries(
    Object.entries(fields).map(([name, { createInput, input, initial }]) => [
      name,
      createInput ?? (initial === undefined ? input : input.optional()),
    ]),
  ),
);

const origin = z.object({ id: z.guid().optional(), updatedAt: z.iso.datetime({ offset: true }).optional() });

export interface Found {
  /** The fields as the line has them. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly id?: unknown;
  readonly updatedAt?: unknown;
  /** What makes the line the same line the next time; all of its fields when not given. */
  readonly identity?: string;
}

export const judgeLine = (line: number, { fields: given, id, updatedAt, identity }: Found): ImportLine => {
  const found = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null && value !== undefined));
  const from = origin.safeParse({ id: id ?? undefined, updatedAt: updatedAt ?? undefined });
  const result = lineSchema.safeParse(found);
  if (!result.success) return { line, fault: describeDetails(detailsOf(result.error)) };
  if (!from.success) return { line, fault: describeDetails(detailsOf(from.error)) };
  const named = result.data;
  const task = { isDone: false, ...named };
  const name = from.data.id === undefined ? (identity ?? canonical(task)) : `id:${from.data.id}`;
  return { line, identity: name, task, named, ...from.data };
};

/** JSON whose text does not depend on the order of the fields. */
export const canonical = (task: FieldValues): string =>
  JSON.stringify(Object.entries(task).sort(([a], [b]) => (a < b ? -1 : 1)));
