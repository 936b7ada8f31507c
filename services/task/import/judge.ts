/** A line's fields, judged by the fields' own schemas, so that a fault is reported with its line and nothing is sent. */
import { z } from 'zod';
import { describeDetails, detailsOf } from '../../platform/validation.ts';
import { columnsToUpdate, initialsOf, type AnyField, type FieldValues } from '../../pipeline/field.ts';
import { taskFields } from '../fields.ts';
import { oneSpelling } from '../text.ts';
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

/** One id has one spelling, whatever the case that a file writes it in. */
const origin = z.object({
  id: z.guid().toLowerCase().optional(),
  updatedAt: z.iso.datetime({ offset: true }).optional(),
});

/** Whether a file's id is none that this product gives. */
export const isForeignId = (id: string): boolean => id !== '' && !origin.shape.id.safeParse(id).success;

export interface Found {
  /**
   * The fields as the line has them, their days in a time zone; in that of the options when not given.
   * @param timezone another one
   */
  readonly fieldsIn: (timezone?: string) => Readonly<Record<string, unknown>>;
  readonly id?: unknown;
  readonly updatedAt?: unknown;
  /** What makes the line the same line the next time; all of its fields when not given. */
  readonly identity?: string;
  /** What to do about a value that is refused, by the path of its fault, in place of the API's own words. */
  readonly advice?: () => Readonly<Record<string, string>>;
  /** Words that somebody may say the meaning of, by the path of their fault. */
  readonly words?: () => Readonly<Record<string, string>>;
}

export const judgeLine = (line: number, { fieldsIn, id, updatedAt, identity, advice, words }: Found): ImportLine => {
  const from = origin.safeParse({ id: id ?? undefined, updatedAt: updatedAt ?? undefined });
  const result = lineSchema.safeParse(present(fieldsIn()));
  if (!result.success) {
    const better = advice?.() ?? {};
    const details = detailsOf(result.error).map((each) => ({ ...each, message: better[each.path] ?? each.message }));
    const meant = words?.() ?? {};
    const unknown = details.flatMap(({ path }) => (meant[path] === undefined ? [] : [[path, meant[path]] as const]));
    return {
      line,
      // People count from one.
      fault: describeDetails(
        details.map(({ path, message }) => ({
          path: path.replace(/\.(\d+)$/, (_, index) => ` no. ${Number(index) + 1}`),
          message,
        })),
      ),
      ...(unknown.length === details.length && { unknown: Object.fromEntries(unknown) }),
    };
  }
  if (!from.success) {
    const isId = from.error.issues.some(({ path }) => path[0] === 'id');
    const hint = isId ? '; ids of other tools come in by --map id=key' : '';
    return { line, fault: `${describeDetails(detailsOf(from.error))}${hint}` };
  }
  const named = result.data;
  const task = { isDone: false, ...named };
  const name = from.data.id === undefined ? (identity ?? identityOf(fieldsIn, named)) : `id:${from.data.id}`;
  return { line, identity: oneSpelling(name), task, named, ...from.data };
};

const present = (fields: FieldValues): FieldValues =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));

/**
 * What would be stored, but what a task has anyway: a default that a file spells out makes no other line, nor does an instant in another
 * offset. With its days in UTC: whoever reads a file in another time zone reads the same lines.
 */
const identityOf = (fieldsIn: Found['fieldsIn'], named: FieldValues): string => {
  const inUtc = lineSchema.safeParse(present(fieldsIn('UTC'))).data ?? named;
  const initial = columnsToUpdate(fields, initialsOf(fields));
  const stored = Object.entries(columnsToUpdate(fields, inUtc));
  return canonical(
    Object.fromEntries(stored.filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(initial[name]))),
  );
};

/** JSON whose text does not depend on the order of the fields. */
export const canonical = (task: FieldValues): string =>
  JSON.stringify(Object.entries(task).sort(([a], [b]) => (a < b ? -1 : 1)));
