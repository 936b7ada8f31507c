/** Rows as a table for people, or as JSON for scripts. */
import colors from 'picocolors';
import { lineOf } from '../../platform/printable.ts';
import { tableText } from '../cli/table.ts';
import type { State } from './judge.ts';

export interface ShownRow {
  readonly kind: string;
  readonly name: string;
  readonly state: State;
  readonly detail: string;
}

const PAINT = { ready: colors.green, waiting: colors.yellow, failed: colors.red } as const;

export const tableOf = (rows: readonly ShownRow[], width?: number): string =>
  tableText(
    [
      { head: 'kind' },
      { head: 'name' },
      { head: 'state' },
      { head: 'what it is like, or what blocks it', wraps: true },
    ],
    rows.map(({ kind, name, state, detail }) => [kind, name, PAINT[state](state), lineOf(detail)]),
    width,
  );

export const rowLine = ({ kind, name, state, detail }: ShownRow): string =>
  `${kind} ${name}: ${PAINT[state](state)}${detail === '' ? '' : ` (${lineOf(detail)})`}`;

export const isReady = (rows: readonly ShownRow[]): boolean =>
  rows.length > 0 && rows.every(({ state }) => state === 'ready');
