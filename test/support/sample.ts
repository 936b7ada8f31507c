/**
 * Bodies, conditions and values for tests and benches that need a task and not a certain one: the only place of theirs
 * that names fields. Tests of the fields themselves name them too.
 */
import { PRIORITIES } from '../../services/task/fields.ts';

/** The field whose text stands for a task. */
export const TEXT_FIELD = 'description';

/**
 * Body of a request that creates a task.
 * @param turn varies the other fields
 */
export const creationOf = (text: string, turn = 0) => ({
  [TEXT_FIELD]: text,
  priority: PRIORITIES[turn % PRIORITIES.length] ?? 'none',
});

/** Body of a request that changes a task: every field, as a change replaces them all. */
export const updateOf = (text: string, turn = 0) => ({
  ...creationOf(text, turn),
  dates: { start: null, due: null },
  isDone: true,
});

/** Body of a search for words of the text. */
export const searchFor = (words: string) => ({ [TEXT_FIELD]: words });

/** A value that no schema of the field takes. */
export const WRONG_VALUE = { isDone: 'no' };
