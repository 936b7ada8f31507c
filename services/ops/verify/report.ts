/** The result of a run for people, as a table, and for scripts, as JSON. */
import { proseText, tableText } from '../cli/table.ts';
import type { State } from '../../pipeline/rows.ts';
import { lineOf } from '../../platform/printable.ts';
import { DRIFT_KINDS, sumOf } from '../../pipeline/verify/difference.ts';
import type { Difference, VerifyResult } from '../../pipeline/verify/verify.ts';

/** Exit codes: nothing differs (any more), drift, and differences whose events may still be on their way. */
export const EXIT = { equal: 0, drift: 2, undecided: 3 } as const;

export const exitCodeOf = ({ drift, undecided, shownDeletions }: VerifyResult): number =>
  sumOf(drift) + shownDeletions > 0 ? EXIT.drift : undecided > 0 ? EXIT.undecided : EXIT.equal;

const MEANING = {
  missing: 'a row without a document, or a deletion without its marker',
  stale: 'a document older than its row',
  ahead: 'a document newer than its row',
  surplus: 'a document without a row',
  content: 'a document that says something else than the row of its version',
} as const;

/** What a reader does next, by exit code. */
const ADVICE: Readonly<Record<number, string>> = {
  [EXIT.equal]: 'Both stores are equal.',
  [EXIT.drift]: 'The stores differ. `npm run ops -- verify --repair` repairs what can be repaired.',
  [EXIT.undecided]: 'The pipeline is behind: run verify again when it has caught up, or with a longer --grace.',
};

export interface Report {
  readonly result: VerifyResult;
  /** The first differences. */
  readonly differences: readonly Difference[];
}

export const tableOf = ({ result, differences }: Report, width?: number): string => {
  const summary = tableText(
    [
      { head: '' },
      { head: 'left', align: 'right' },
      { head: 'repaired', align: 'right' },
      { head: 'what it is', wraps: true },
    ],
    [
      ...DRIFT_KINDS.map((kind) => [kind, result.drift[kind], result.repaired[kind], MEANING[kind]]),
      ['undecided', result.undecided, '', 'its event may still be on its way'],
    ],
    width,
  );
  const seconds = (result.durationMs / 1_000).toFixed(1);
  const purged = result.purged > 0 ? [`${result.purged} deletions purged, as their time is over`] : [];
  const lines = [...purged, `${result.rows} rows and ${result.documents} documents compared in ${seconds} s`, summary];
  if (differences.length > 0) {
    const list = tableText(
      [{ head: 'id' }, { head: 'kind' }, { head: 'row' }, { head: 'document' }, { head: 'outcome', wraps: true }],
      differences.map(({ id, kind, row, document, outcome, reason }) => [
        ...[id, kind, textOf(row), textOf(document)],
        reason === undefined ? outcome : `${outcome}: ${lineOf(reason)}`,
      ]),
      width,
    );
    const all = sumOf(result.drift) + sumOf(result.repaired) + result.undecided;
    if (all > differences.length) lines.push(`The first ${differences.length} of ${all}; --details FILE writes all:`);
    lines.push(list);
  }
  return [...lines, ...adviceOn(result).map((advice) => proseText(advice, width))].join('\n');
};

const adviceOn = (result: VerifyResult): string[] => {
  const advice = ADVICE[exitCodeOf(result)] ?? '';
  if (result.shownDeletions === 0) return [advice];
  const filter = `The alias has lost its filter, and shows ${result.shownDeletions} deletions: \`npm run ops -- migrate\` puts it back.`;
  return sumOf(result.drift) === 0 ? [filter] : [advice, filter];
};

const textOf = (state: State | undefined): string =>
  state === undefined ? '-' : `${state.version}${state.deletedAt === null ? '' : ' (deleted)'}`;

/** A difference for scripts: each side's version, and when it was deleted if it was. */
export const recordOf = ({ row, document, ...difference }: Difference) => ({
  ...difference,
  ...(row === undefined ? {} : { row: row.version, rowDeletedAt: row.deletedAt ?? undefined }),
  ...(document === undefined ? {} : { document: document.version, documentDeletedAt: document.deletedAt ?? undefined }),
});

export const jsonOf = ({ result, differences }: Report): string =>
  JSON.stringify({ ...result, differences: differences.map(recordOf) }, null, 2);
