/** Dead letters as people and scripts see them. */
import colors from 'picocolors';
import { tableText } from '../cli/table.ts';
import { count, shortened } from '../cli/text.ts';
import { headersOf } from '../../platform/kafka/headers.ts';
import { bytesBlock, bytesJson, bytesLine, lineOf } from '../../platform/printable.ts';
import { timeText } from '../../platform/kafka/record-time.ts';
import type { Action, TrackedDeadLetter } from '../../pipeline/dead-letters/actions.ts';
import { deadLetterJson, stateOf } from '../../pipeline/dead-letters/json.ts';
import type { DeadLetter, Source } from '../../pipeline/dead-letters/dead-letter.ts';

/** Two lines of a table; `dlq show` has all of it. */
const ERROR_WIDTH = 140;

const sourceText = ({ topic, partition, offset }: Source): string =>
  topic === undefined ? '?' : `${lineOf(topic)} ${partition ?? '?'}:${offset ?? '?'}`;

/** @param withState whether dead letters that are dealt with are among them */
export const deadLetterTable = (
  deadLetters: readonly TrackedDeadLetter[],
  withState: boolean,
  width?: number,
): string =>
  tableText(
    ['offset', 'when', 'task', ...(withState ? ['state'] : []), 'reason', 'source', 'error'].map((head) => ({
      head,
      wraps: head === 'error',
    })),
    deadLetters.map((judged) => [
      `${judged.deadLetter.partition}:${judged.deadLetter.offset}`,
      timeText(judged.deadLetter.atMs) ?? '-',
      lineOf(judged.deadLetter.task ?? '-'),
      ...(withState ? [stateOf(judged)] : []),
      colors.yellow(lineOf(judged.deadLetter.reason)),
      sourceText(judged.deadLetter.source),
      shortened(lineOf(judged.deadLetter.error), ERROR_WIDTH),
    ]),
    width,
  );

export const fullJson = (deadLetter: DeadLetter, history: readonly Action[]) => ({
  ...deadLetterJson({ deadLetter, last: history.at(-1) }),
  actions: history,
  key: bytesJson(
    deadLetter.message.key === undefined || deadLetter.message.key === null
      ? null
      : Buffer.from(deadLetter.message.key),
  ),
  headers: headersOf(deadLetter.message).map(([name, value]) => ({ name, value: bytesJson(value) })),
  value: bytesJson(deadLetter.message.value),
});

/** All of a dead letter, for a person. */
export const fullText = (deadLetter: DeadLetter, history: readonly Action[]): string => {
  const { message } = deadLetter;
  const key = message.key === undefined || message.key === null ? '(none)' : bytesLine(Buffer.from(message.key));
  const facts: [string, string][] = [
    ['dead letter', `${deadLetter.partition}:${deadLetter.offset}`],
    ['when', timeText(deadLetter.atMs) ?? '-'],
    ['state', stateOf({ deadLetter, last: history.at(-1) })],
    ['reason', lineOf(deadLetter.reason)],
    ['error', lineOf(deadLetter.error)],
    ['attempts', String(deadLetter.attempts ?? '-')],
    ['source', `${sourceText(deadLetter.source)}, ${timeText(deadLetter.source.atMs) ?? '-'}`],
    ['key', key],
  ];
  return [
    ...facts.map(([name, value]) => `${colors.bold(name.padEnd(9))} ${value}`),
    '',
    colors.bold('headers'),
    ...headersOf(message).map(([name, value]) => `  ${lineOf(name)}: ${bytesLine(value)}`),
    '',
    colors.bold(`value (${message.value?.length ?? 0} bytes)`),
    message.value === null ? '(null)' : bytesBlock(message.value),
    ...(history.length === 0
      ? []
      : ['', colors.bold('actions'), ...history.map((action) => `  ${actionLine(action)}`)]),
  ].join('\n');
};

const actionLine = ({ action, state, actor, result, startedAt }: Action): string =>
  `${startedAt}  ${action}: ${state}  by ${lineOf(actor)}${result === null ? '' : `  (${lineOf(result)})`}`;

/** `12 open dead letters: 10 rejected_by_index, 2 malformed_event`. */
export const summaryOf = (
  counts: ReadonlyMap<string, number>,
  kind: 'dead letter' | 'open dead letter',
  end = '',
): string => {
  const total = [...counts.values()].reduce((sum, number) => sum + number, 0);
  const parts = [...counts].sort(([, a], [, b]) => b - a).map(([name, number]) => `${number} ${lineOf(name)}`);
  return `${count(total, kind)}${end}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`;
};
