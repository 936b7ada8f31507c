import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  columnsToCreate,
  columnsToPatch,
  initialsOf,
  patchBody,
  type FieldValues,
} from '../../services/pipeline/field.ts';
import { PRIORITIES, taskFields } from '../../services/task/fields.ts';

/** RFC 7396, section 2, in its own words. */
const mergePatch = (target: unknown, patch: unknown): unknown => {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result = new Map<string, unknown>(Object.entries(typeof target === 'object' ? (target ?? {}) : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, mergePatch(result.get(name), value));
  }
  return Object.fromEntries(result);
};

const date = fc.date({ min: new Date('2026-01-01'), max: new Date('2027-01-01'), noInvalidDate: true });
const timestamp = fc.option(date.map((day) => day.toISOString()));
const dates = fc.record({ start: timestamp, due: timestamp }, { requiredKeys: [] });
const parts = {
  description: fc.stringMatching(/^[a-z]{1,9}$/),
  priority: fc.option(fc.constantFrom(...PRIORITIES)),
  dates: fc.option(dates),
  isDone: fc.option(fc.boolean()),
  tags: fc.option(fc.array(fc.stringMatching(/^[a-z]{1,5}$/), { maxLength: 3 })),
};
const patches = fc.record(parts, { requiredKeys: [] });
const tasks = fc.record(parts);

/** A value that is away is the initial one. */
const columnsOf = (values: FieldValues) => columnsToCreate(taskFields, values);

it('a patch gives the columns that RFC 7396 gives, for any task and patch', () => {
  const body = patchBody(taskFields);
  fc.assert(
    fc.property(tasks, patches, (task, patch) => {
      const before = mergePatch(initialsOf(taskFields), task) as FieldValues;
      fc.pre(body.safeParse(patch).success);
      const merged = mergePatch(before, patch) as FieldValues;
      expect({ ...columnsOf(before), ...columnsToPatch(taskFields, patch) }).toEqual(columnsOf(merged));
    }),
  );
});
