/** What `ops dlq list` does. */
import { isOpen, type TrackedDeadLetter } from '../../pipeline/dead-letters/actions.ts';
import { filterOf, type FilterFlags } from './filter.ts';
import { withDeadLetters } from './session.ts';
import { deadLetterJson, stateOf } from '../../pipeline/dead-letters/json.ts';
import { deadLetterTable, summaryOf } from './format.ts';
import { createOutput } from '../cli/output.ts';

interface Flags extends FilterFlags {
  readonly all?: boolean;
  readonly limit: number;
  readonly json?: boolean;
}

const withoutBytes = ({ deadLetter, last }: TrackedDeadLetter): TrackedDeadLetter => ({
  deadLetter: { ...deadLetter, message: { ...deadLetter.message, value: null, headers: [] } },
  last,
});

export const list = async ({ all = false, limit, json = false, ...flags }: Flags) => {
  await withDeadLetters(async ({ deadLetters, signal }) => {
    const output = createOutput();
    const rows: TrackedDeadLetter[] = [];
    const reasons = new Map<string, number>();
    for await (const batch of deadLetters(filterOf(flags))) {
      const shown = batch.filter((judged) => all || isOpen(judged));
      if (json) {
        const text = shown.map((judged) => `${JSON.stringify(deadLetterJson(judged))}\n`).join('');
        if (text !== '' && !(await output.write(text))) return;
        continue;
      }
      for (const judged of shown) {
        const name = all ? `${judged.deadLetter.reason} ${stateOf(judged)}` : judged.deadLetter.reason;
        reasons.set(name, (reasons.get(name) ?? 0) + 1);
        // Not its bytes: a flood must fit into memory.
        if (rows.length < limit) rows.push(withoutBytes(judged));
      }
    }
    if (json) return;
    const summary = summaryOf(reasons, all ? 'dead letter' : 'open dead letter');
    const total = [...reasons.values()].reduce((sum, count) => sum + count, 0);
    const more = total > rows.length ? `; the table shows the oldest ${rows.length} (--limit)` : '';
    const table = rows.length === 0 ? '' : `${deadLetterTable(rows, all)}\n`;
    await output.write(`${table}${summary}${more}${signal.aborted ? '; stopped before the end' : ''}\n`);
  });
};
