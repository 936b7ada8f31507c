import { z } from 'zod';
import { expect, it } from 'vitest';
import { controlsOf } from '../../services/api/console/controls.ts';
import { field } from '../../services/pipeline/field.ts';

const amount = (initial?: number) =>
  field<number>({
    input: z.int(),
    shown: z.int(),
    columns: { amount: 'integer' },
    toColumns: (value) => ({ amount: value }),
    mapping: { type: 'integer' },
    control: { kind: 'number', label: 'Amount', min: 0 },
    ...(initial === undefined ? {} : { initial }),
  });

it('a day of the calendar has an input of its own', () => {
  const day = field<string>({
    input: z.iso.date(),
    shown: z.iso.date(),
    columns: { day: 'date' },
    toColumns: (value) => ({ day: value }),
    mapping: { type: 'date', format: 'strict_date' },
    control: { kind: 'date', label: 'Day' },
  });
  expect(controlsOf({ day }, 'edit')).toContain(
    '<input id="edit-day" name="day" data-field="day" data-kind="date" type="date" required>',
  );
});

it('a number has an input of its own, with its bounds, and is required where it has no initial value', () => {
  const input = (initial: string, rest: string) =>
    `<input id="create-amount" name="amount" data-field="amount" data-kind="number"${initial} type="number" step="any" min="0"${rest}>`;
  expect(controlsOf({ amount: amount() }, 'create')).toContain(input('', ' required'));
  expect(controlsOf({ amount: amount(0) }, 'create')).toContain(input(' data-initial="0"', ''));
});
