/** Judges a run from the outside: from what clients were told, and what the three servers hold. It knows no service. */
import { waitFor } from '../support/wait.ts';
import { judgeLog } from './check-log.ts';
import type { History } from './history.ts';
import type { World } from './world.ts';

export interface Judgement {
  /** Acknowledged writes that are not there, and events that went nowhere. */
  readonly lost: readonly string[];
  /** Tasks that the index has in another version than the database, or not, or too many. */
  readonly stale: readonly string[];
  readonly other: readonly string[];
  /** Writes that Elasticsearch refused because it had that version already: events delivered twice. */
  readonly redelivered: number;
  /** From the last healed fault until both stores were equal. */
  readonly recoveryMs: number;
}

const QUIET_MS = 300_000;

export const judge = async (
  world: Pick<World, 'database' | 'topics' | 'index' | 'group'>,
  history: History,
): Promise<Judgement> => {
  const startedAt = performance.now();
  const { database, topics, index, group } = world;
  const differences = async (): Promise<string[]> => {
    const [rows, documents] = [await database.versions(), await index.versions()];
    return [
      ...[...rows].flatMap(([id, version]) =>
        documents.get(id) === version ? [] : [`${id}: database ${version}, index ${documents.get(id) ?? 'nothing'}`],
      ),
      ...[...documents.keys()].filter((id) => !rows.has(id)).map((id) => `${id}: only in the index`),
    ];
  };
  const quiet = async (): Promise<boolean> => {
    const waiting = await database.waiting();
    if (waiting > 0) throw new Error(`${waiting} events in the outbox`);
    const [committed, end] = [await topics.committed(group), await topics.end()];
    if (committed < end) throw new Error(`committed ${committed} of ${end}`);
    return true;
  };
  const other: string[] = [...history.faults];
  await waitFor('the pipeline to be quiet', quiet, { timeoutMs: QUIET_MS, intervalMs: 100 }).catch((error: unknown) =>
    other.push(String(error)),
  );
  let stale = await differences();
  await waitFor(
    'both stores to be equal',
    async () => {
      stale = await differences();
      return stale.length === 0;
    },
    { timeoutMs: 10_000, intervalMs: 200 },
  ).catch(() => undefined);
  const recoveryMs = performance.now() - startedAt;

  const rows = await database.versions();
  const log = judgeLog(await topics.readAll(topics.tasks), await topics.readAll(topics.deadLetters), rows, history);
  if (log.created > history.keys.size) other.push(`${log.created} tasks out of ${history.keys.size} keys`);
  return {
    lost: [...missingWrites(history, rows), ...log.lost],
    stale,
    other: [...other, ...log.other],
    redelivered: await index.conflicts(),
    recoveryMs,
  };
};

/** Every acknowledged write is in the database, or a later one of its task. */
const missingWrites = (history: History, rows: ReadonlyMap<string, number>): string[] =>
  [...history.versions].flatMap(([id, version]) => {
    const found = rows.get(id);
    if (history.deleted.has(id)) return found === undefined ? [] : [`${id} was deleted and is there`];
    if (found === undefined) return history.maybeDeleted.has(id) ? [] : [`${id} is not there`];
    return found < version ? [`${id} has version ${found}, and ${version} was acknowledged`] : [];
  });
