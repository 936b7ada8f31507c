/** The options by which the `dlq` commands say which dead letters they are about. */
import type { Command } from 'commander';
import type { DeadLetterFilter } from '../../pipeline/dead-letters/find.ts';
import type { POISON_CODES } from '../../platform/errors.ts';
import { collect, timeMs, wholeNumber } from '../cli/arguments.ts';
import { meant } from '../cli/usage.ts';

export interface FilterFlags {
  readonly reason?: readonly string[];
  readonly since?: number;
  readonly until?: number;
  readonly task?: string;
  readonly partition?: number;
  readonly offset?: readonly number[];
}

/** What each reason of this version says is wrong. A record without the header has the last one. */
const REASONS = {
  null_key: 'the record has no key',
  malformed_event: 'it is no JSON',
  unknown_event_type: 'a type that this version does not know',
  schema_violation: 'no event, or one with values that its fields do not take',
  key_mismatch: 'its key is not the id of its task',
  rejected_by_index: 'the index can never take the document, as by its mapping',
  document_too_large: 'more than the index takes in a request',
  internal: 'the indexer itself failed over it: see its log',
  unknown: 'the record does not say why',
} as const satisfies Record<(typeof POISON_CODES)[number] | 'unknown', string>;

/** For the help of these commands. */
export const REASONS_HELP = [
  '',
  'Reasons:',
  ...Object.entries(REASONS).map(([reason, meaning]) => `  ${reason.padEnd(18)}  ${meaning}`),
  'Dead letters of another version may have others, which --reason takes too.',
].join('\n');

/** Another version may know more reasons, and its dead letters are in the same topic: so none is refused. */
const warnOfUnknownReasons = (command: Command): void => {
  for (const reason of command.opts<FilterFlags>().reason ?? []) {
    if (Object.hasOwn(REASONS, reason)) continue;
    const warning = `warning: unknown reason '${reason}': only dead letters of another version can have it`;
    command.configureOutput().writeErr?.(`${warning}${meant(reason, Object.keys(REASONS))}\n`);
  }
};

export const addFilters = (command: Command): Command =>
  command
    .hook('preAction', warnOfUnknownReasons)
    .option('--reason <reason>', 'only dead letters with this reason; may be repeated', collect(String))
    .option('--since <time>', 'only dead letters from then on: RFC 3339, or how long ago (15m, 2h, 3d)', timeMs)
    .option('--until <time>', 'only dead letters before then', timeMs)
    .option('--task <id>', 'only dead letters about this task')
    .option('--partition <n>', 'only this partition of the dead-letter topic', wholeNumber)
    .option('--offset <n>', 'only the dead letter with this offset; may be repeated', collect(wholeNumber));

export const filterOf = ({ reason, since, until, task, partition, offset }: FilterFlags): DeadLetterFilter => ({
  reasons: reason,
  sinceMs: since,
  untilMs: until,
  task,
  partition,
  offsets: offset,
});
