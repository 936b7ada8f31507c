/** A run and a list as text for a person. */
import { lineOf } from '../../platform/printable.ts';
import { proseText, tableText } from '../cli/table.ts';
import { count } from '../cli/text.ts';
import type { ListedIndex } from '../../pipeline/reindex/catalog.ts';
import type { ReindexResult } from '../../pipeline/reindex/reindex.ts';

/** Exit code when it ran, and found that the new index must not serve. */
export const EXIT_REFUSED = 2;

const SHOWN = 20;

/** The end of a run, and what to do next. */
export const describeResult = (result: ReindexResult, alias: string): string => {
  const { from, to } = result;
  switch (result.outcome) {
    case 'switched':
      return [
        `${alias} points to ${to} now, and no longer to ${from}: ${count(result.copied, 'task')} copied, ` +
          `${count(result.events, 'event')} read, ${count(result.pruned, 'document')} removed; ` +
          `indexers waited ${result.blockedMs} ms at the switch.`,
        `${from} is kept: ops reindex rollback goes back to it, ops reindex discard ${from} deletes it.`,
      ].join('\n');
    case 'rejected':
      return [
        `${alias} still points to ${from}, as the mapping of ${to} rejects ${count(result.rejects.length, 'document')}:`,
        ...result.rejects
          .slice(0, SHOWN)
          .map(({ id, version, reason }) => `  task ${id}, version ${version}: ${lineOf(reason)}`),
        ...(result.rejects.length > SHOWN ? ['  …'] : []),
        'Correct the mapping or the tasks, then run it again.',
      ].join('\n');
    case 'incomplete':
      return [
        `${alias} still points to ${from}, as the topic lacks changes of ${count(result.missing.length, 'task')} that PostgreSQL has:`,
        ...result.missing.slice(0, SHOWN).map((id) => `  task ${id}`),
        ...(result.missing.length > SHOWN ? ['  …'] : []),
        'Run it with --source postgres.',
      ].join('\n');
  }
};

const MIB = 1_048_576;

export const listTable = (indices: readonly ListedIndex[], width?: number): string => {
  const table = tableText(
    [
      ...[{ head: 'index' }, { head: 'state' }, { head: 'writes' }],
      ...[
        { head: 'documents', align: 'right' as const },
        { head: 'MiB', align: 'right' as const },
      ],
      ...[{ head: 'alias' }, { head: 'source' }, { head: 'switched at' }],
    ],
    indices.map(({ index, state, alias, isWriteBlocked, isDiskFull, documents, bytes, source, switchedAt }) => [
      index,
      state,
      isDiskFull ? 'disk full' : isWriteBlocked ? 'blocked' : 'open',
      documents.toLocaleString('en'),
      (bytes / MIB).toFixed(1),
      alias ?? '',
      source ?? '',
      switchedAt ?? '',
    ]),
    width,
  );
  const blocked = indices.find(({ state, isWriteBlocked }) => state === 'live' && isWriteBlocked);
  if (blocked === undefined) return table;
  const note =
    `${blocked.index} serves but takes no writes: unless a reindex is switching just now, one was killed doing so. ` +
    'Indexers wait, nothing is lost; ops reindex lifts the block first thing.';
  return `${table}\n${proseText(note, width)}`;
};
