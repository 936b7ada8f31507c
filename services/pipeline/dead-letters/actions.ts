/** What was done about dead letters: the table `dead_letter_actions`, their state and their audit trail. */
import type { Client, Pool } from 'pg';
import { TaskstreamError } from '../../platform/errors.ts';
import type { DeadLetter } from './dead-letter.ts';

export type ActionState = 'replaying' | 'replayed' | 'superseded' | 'failed' | 'discarded';

export interface Action {
  readonly action: 'replay' | 'discard';
  readonly state: ActionState;
  readonly actor: string;
  readonly result: string | null;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly finishedAt: string | null;
}

export interface Finished {
  readonly id: string;
  readonly state: Exclude<ActionState, 'replaying'>;
  readonly result: string | null;
}

/** A dead letter with the last thing that was done about it. */
export interface TrackedDeadLetter {
  readonly deadLetter: DeadLetter;
  readonly last: Action | undefined;
}

/** A replay that was cut short or failed leaves its dead letter open. */
export const isOpen = ({ last }: TrackedDeadLetter): boolean =>
  last === undefined || last.state === 'replaying' || last.state === 'failed';

const COLUMNS = `action, state, actor, result, rfc3339(started_at) AS "startedAt", rfc3339(finished_at) AS "finishedAt"`;

const keysOf = (deadLetters: readonly DeadLetter[]) => [
  deadLetters.map(({ partition }) => partition),
  deadLetters.map(({ offset }) => offset),
  deadLetters.map(({ atMs }) => new Date(atMs).toISOString()),
];

/** Looks up the last action of each dead letter. */
export const withLastActions = async (
  client: Client | Pool,
  topic: string,
  deadLetters: readonly DeadLetter[],
): Promise<TrackedDeadLetter[]> => {
  const { rows } = await client.query<Action & { partition: number; offset: string }>(
    `SELECT DISTINCT ON (a.letter_partition, a.letter_offset)
            a.letter_partition AS partition, a.letter_offset::text AS offset, ${COLUMNS}
     FROM dead_letter_actions a
     JOIN unnest($2::integer[], $3::bigint[], $4::timestamptz[]) AS l(p, o, at)
       ON a.letter_partition = l.p AND a.letter_offset = l.o AND a.letter_at = l.at
     WHERE a.topic = $1
     ORDER BY a.letter_partition, a.letter_offset, a.id DESC`,
    [topic, ...keysOf(deadLetters)],
  );
  const last = new Map(rows.map(({ partition, offset, ...action }) => [`${partition}:${offset}`, action]));
  return deadLetters.map((deadLetter) => ({
    deadLetter,
    last: last.get(`${deadLetter.partition}:${deadLetter.offset}`),
  }));
};

/** Everything that was done about a dead letter, oldest first. */
export const historyOf = async (client: Client, topic: string, deadLetter: DeadLetter): Promise<Action[]> => {
  const { rows } = await client.query<Action>(
    `SELECT ${COLUMNS} FROM dead_letter_actions
     WHERE topic = $1 AND letter_partition = $2 AND letter_offset = $3 AND letter_at = $4 ORDER BY id`,
    [topic, deadLetter.partition, deadLetter.offset, new Date(deadLetter.atMs)],
  );
  return rows;
};

export interface NewActions {
  readonly topic: string;
  readonly action: Action['action'];
  readonly state: 'replaying' | 'discarded';
  readonly actor: string;
  readonly result: string | null;
}

/** Writes a row for each dead letter; returns their ids in the dead letters' order. */
export const recordActions = async (
  client: Client,
  deadLetters: readonly DeadLetter[],
  { topic, action, state, actor, result }: NewActions,
): Promise<string[]> => {
  const { rows } = await client.query<{ id: string; partition: number; offset: string }>(
    `INSERT INTO dead_letter_actions
       (topic, letter_partition, letter_offset, letter_at, task, reason, action, state, actor, result, finished_at)
     SELECT $1, l.p, l.o, l.at, l.task, l.reason, $7, $8, $9, $10,
            CASE WHEN $8 <> 'replaying' THEN clock_timestamp() END
     FROM unnest($2::integer[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[]) AS l(p, o, at, task, reason)
     RETURNING id::text, letter_partition AS partition, letter_offset::text AS offset`,
    [
      topic,
      ...keysOf(deadLetters),
      deadLetters.map(({ task }) => storable(task ?? null)),
      deadLetters.map(({ reason }) => storable(reason)),
      action,
      state,
      actor,
      result,
    ],
  );
  const ids = new Map(rows.map(({ id, partition, offset }) => [`${partition}:${offset}`, id]));
  return deadLetters.map(({ partition, offset }) => ids.get(`${partition}:${offset}`) ?? '');
};

/** Marks dead letters as dealt with; they stay in their topic until its retention is over. */
export const discardDeadLetters = async (
  client: Client,
  deadLetters: readonly DeadLetter[],
  { deadLetterTopic, actor, note }: { deadLetterTopic: string; actor: string; note: string | null },
): Promise<void> => {
  await recordActions(client, deadLetters, {
    topic: deadLetterTopic,
    action: 'discard',
    state: 'discarded',
    actor,
    result: note,
  });
};

/** Writes what became of replays. */
export const finish = async (client: Client, finished: readonly Finished[]): Promise<void> => {
  await client.query(
    `UPDATE dead_letter_actions a SET state = f.state, result = f.result, finished_at = clock_timestamp()
     FROM unnest($1::bigint[], $2::text[], $3::text[]) AS f(id, state, result) WHERE a.id = f.id`,
    [finished.map(({ id }) => id), finished.map(({ state }) => state), finished.map(({ result }) => storable(result))],
  );
};

/** PostgreSQL's text holds no NUL, and a dead letter may hold anything. */
const storable = (text: string | null): string | null => text?.replaceAll('\u0000', '\\u0000') ?? null;

/** Key of an advisory lock: "dlqr" in ASCII. It ends with the session. */
const REPAIR_LOCK_KEY = 0x646c7172;

/** @throws TaskstreamError when another operator replays or discards now */
export const takeTurn = async (client: Client): Promise<void> => {
  const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [
    REPAIR_LOCK_KEY,
  ]);
  if (rows[0]?.locked !== true) {
    throw new TaskstreamError(
      'invalid_configuration',
      'Somebody else replays or discards dead letters now: try later.',
    );
  }
};
