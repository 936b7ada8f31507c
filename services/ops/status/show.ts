/** Rows as a table for people, or as JSON for scripts. */
import Table from 'cli-table3';
import colors from 'picocolors';
import type { State } from './judge.ts';

export interface ShownRow {
  readonly kind: string;
  readonly name: string;
  readonly state: State;
  readonly detail: string;
}

const PAINT = { ready: colors.green, waiting: colors.yellow, failed: colors.red } as const;
/** Left for the details, when the terminal is narrower they wrap. */
const DETAIL_WIDTH = 70;

export const tableOf = (rows: readonly ShownRow[]): string => {
  const table = new Table({
    head: ['kind', 'name', 'state', 'what it is like, or what blocks it'],
    style: { head: [], border: [] },
    colWidths: [null, null, null, DETAIL_WIDTH],
    wordWrap: true,
  });
  for (const { kind, name, state, detail } of rows) table.push([kind, name, PAINT[state](state), detail]);
  return table.toString();
};

export const lineOf = ({ kind, name, state, detail }: ShownRow): string =>
  `${kind} ${name}: ${PAINT[state](state)}${detail === '' ? '' : ` (${detail})`}`;

export const isReady = (rows: readonly ShownRow[]): boolean =>
  rows.length > 0 && rows.every(({ state }) => state === 'ready');
