/**
 * Judges the event log: each change of each task is in it, no version of a task is left behind a newer one, and whatever is
 * no task is a dead letter.
 */
import { partitionOf } from '../../services/platform/kafka/partition.ts';
import { headerOf } from '../../services/platform/kafka/headers.ts';
import type { Message } from '../../services/platform/kafka/native.ts';
import type { History } from './history.ts';
import { POISON_HEADER } from './faults/poison.ts';

export interface LogJudgement {
  readonly lost: readonly string[];
  readonly other: readonly string[];
  /** Number of tasks whose creation is in the log. */
  readonly created: number;
}

interface Change {
  readonly type: string;
  readonly value: { readonly version: number; readonly updatedAt: string };
}

/**
 * @param rows version by id, as the database has them
 * @param history says what the log may lack: all but the newest record of a key, and what was before a restore
 */
export const judgeLog = (
  events: readonly Message[],
  deadLetters: readonly Message[],
  rows: ReadonlyMap<string, number>,
  { isCompacted, restored, undone }: Pick<History, 'isCompacted' | 'restored' | 'undone'>,
): LogJudgement => {
  const changes = new Map<string, Map<number, Change>>();
  const tombstones = new Set<string>();
  const poison = new Set<string>();
  const places = new Map<string, Place>();
  const partitions = 1 + events.reduce((most, { partition }) => Math.max(most, partition), 0);
  const firstOf = (id: string, version: number): number => (isCompacted ? version : (restored.get(id) ?? 1));
  for (const event of events) {
    if (event.value === null) tombstones.add(String(event.key));
    if (headerOf(event, POISON_HEADER) !== undefined) poison.add(`${event.partition}:${event.offset}`);
    else if (event.value !== null) {
      const change = JSON.parse(String(event.value)) as Change;
      const id = String(event.key);
      // A repeated delivery is the same change again.
      const { version } = change.value;
      if (version >= (restored.get(id) ?? 1)) {
        // What others wrote elsewhere is in nobody's order.
        if (partitionOf(id, partitions) === event.partition) see(places, id, version);
        changes.set(id, (changes.get(id) ?? new Map<number, Change>()).set(version, change));
      }
    }
  }
  const origins = new Set(
    deadLetters.map(
      (deadLetter) => `${headerOf(deadLetter, 'dlq.partition') ?? '?'}:${headerOf(deadLetter, 'dlq.offset') ?? '?'}`,
    ),
  );
  return {
    lost: [
      ...[...rows].flatMap(([id, version]) => missingChanges(id, firstOf(id, version), version, changes.get(id))),
      ...[...changes].flatMap(([id, list]) => (isCompacted && tombstones.has(id) ? [] : unfinished(id, list, rows))),
      ...[...poison].filter((place) => !origins.has(place)).map((place) => `poison at ${place} is no dead letter`),
    ],
    other: [
      ...[...origins].filter((place) => !poison.has(place)).map((place) => `a good event at ${place} is a dead letter`),
      ...[...changes].flatMap(([id, list]) => backwardsInTime(id, list)),
      // Compaction may have taken the first of two deliveries, and left the second behind a newer version.
      ...(isCompacted ? [] : [...places].flatMap(([id, place]) => overtaken(id, place))),
    ],
    created: [...changes].filter(([id, list]) => !undone.has(id) && list.get(1)?.type === 'tasks.event.created').length,
  };
};

/** Every version from the first to the row's is in the log. */
const missingChanges = (
  id: string,
  first: number,
  version: number,
  list: ReadonlyMap<number, Change> | undefined,
): string[] =>
  Array.from({ length: version - first + 1 }, (_, index) => first + index)
    .filter((wanted) => list?.has(wanted) !== true)
    .map((missing) => `version ${missing} of ${id} was never published`);

/** The log says nothing that the database does not: its last change of a task is the row, or its deletion. */
const unfinished = (id: string, list: ReadonlyMap<number, Change>, rows: ReadonlyMap<string, number>): string[] => {
  const newest = Math.max(...list.keys());
  const row = rows.get(id);
  if (row !== undefined) return newest > row ? [`${id}: the log has version ${newest}, the database ${row}`] : [];
  return list.get(newest)?.type === 'tasks.event.deleted' ? [] : [`${id}: deleted, and its deletion never published`];
};

/** What the log has of a task, in order. */
interface Place {
  newest: number;
  /** Number of the record that had it last. */
  newestAt: number;
  readonly firstAt: Map<number, number>;
  records: number;
}

const see = (places: Map<string, Place>, id: string, version: number): void => {
  const place = places.get(id) ?? { newest: 0, newestAt: 0, firstAt: new Map<number, number>(), records: 0 };
  places.set(id, place);
  place.records += 1;
  if (!place.firstAt.has(version)) place.firstAt.set(version, place.records);
  if (version < place.newest) return;
  place.newest = version;
  place.newestAt = place.records;
};

/**
 * A version that comes for the first time behind the newest one is followed by the newest once more: two of one task were
 * in flight together, and the first had to be sent again (docs/adr/0013-row-by-row.md).
 */
const overtaken = (id: string, { newest, newestAt, firstAt }: Place): string[] =>
  [...firstAt]
    .filter(([, at]) => at > newestAt)
    .map(([version]) => `version ${version} of ${id} came behind version ${newest}, which did not come again`);

/** No change looks older than the one before it, whatever the clocks did. */
const backwardsInTime = (id: string, list: ReadonlyMap<number, Change>): string[] => {
  const times = [...list].sort(([a], [b]) => a - b).map(([, { value }]) => value.updatedAt);
  return times.some((time, index) => time < (times[index - 1] ?? ''))
    ? [`${id}: updatedAt went back: ${times.join()}`]
    : [];
};
