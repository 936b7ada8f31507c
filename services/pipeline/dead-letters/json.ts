/** A dead letter without its content, as JSON. */
import { timeText } from '../../platform/kafka/record-time.ts';
import { isOpen, type TrackedDeadLetter } from './actions.ts';

export const stateOf = (judged: TrackedDeadLetter): string =>
  isOpen(judged) ? 'open' : (judged.last?.state ?? 'open');

export const deadLetterJson = (judged: TrackedDeadLetter) => {
  const { deadLetter, last } = judged;
  const { partition, offset, atMs, reason, error, attempts, task, source } = deadLetter;
  return {
    partition,
    offset,
    at: timeText(atMs),
    state: stateOf(judged),
    reason,
    error,
    attempts: attempts ?? null,
    task: task ?? null,
    source: {
      topic: source.topic ?? null,
      partition: source.partition ?? null,
      offset: source.offset ?? null,
      at: timeText(source.atMs),
    },
    last: last ?? null,
  };
};
