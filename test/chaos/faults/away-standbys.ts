/**
 * Both standbys are away, one dead and one standing still: no commit can be confirmed. Nothing is acknowledged; each write is
 * answered in time, with whether it was done or may have been; reads and search go on; PostgreSQL has no more sessions than before.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BESIDES_POOL } from '../../../infra/environments/connections.ts';
import { readEnv } from '../../../services/platform/env.ts';
import { postgresEnv } from '../../../services/platform/postgres.ts';
import { call } from '../../support/pipeline.ts';
import { creationOf, searchFor, TEXT_FIELD } from '../../support/sample.ts';
import { waitFor } from '../../support/wait.ts';
import { acknowledge, type History } from '../history.ts';
import type { Api, World } from '../world.ts';
import type { Fault } from './fault.ts';

const AWAY_MS = 30_000;
/** When no answer has come for so long, none comes any more to what a standby had confirmed. */
const SETTLED_MS = 2_000;
const INTERVAL_MS = 250;
/** Each begins a write as soon as the one before is answered. */
const WRITERS = 4;
/** A statement's time and the driver's 2 s more, on a busy machine. */
const ANSWER_MS = 20_000;

const KNOWN = /^Nothing was written|^Too many writes are waiting/;
const UNKNOWN = /may or may not have been done/;

interface Write {
  readonly key: string;
  /** Said so by a 503. */
  readonly wasNotDone: boolean;
}

/** Tasks are made until `goesOn` says no; each answer that should not be is put down in `faults`. */
const tryToWrite = async (api: Api, name: string, goesOn: () => boolean, faults: Set<string>): Promise<Write[]> => {
  const writes: Write[] = [];
  while (goesOn()) {
    const key = `${name}-${writes.length}`;
    const startedAt = performance.now();
    const { status, headers, body } = await call(api, 'POST', '/tasks', creationOf(key), { 'idempotency-key': key });
    const tookMs = performance.now() - startedAt;
    const detail = typeof body === 'object' && body !== null && 'detail' in body ? String(body.detail) : '';
    if (tookMs > ANSWER_MS) faults.add(`a write was answered only after ${Math.round(tookMs / 1_000)} s`);
    if (status !== 503) faults.add(`a write was answered ${status}`);
    else if (Number(headers.get('retry-after')) < 1) faults.add('a 503 without Retry-After');
    else if (!KNOWN.test(detail) && !UNKNOWN.test(detail)) faults.add(`a 503 that says of no outcome: ${detail}`);
    writes.push({ key, wasNotDone: KNOWN.test(detail) });
    await sleep(INTERVAL_MS);
  }
  return writes;
};

const keepReading = async (apis: readonly Api[], goesOn: () => boolean, faults: Set<string>): Promise<void> => {
  while (goesOn()) {
    for (const api of apis) {
      const answers = [
        await call(api, 'GET', '/tasks?limit=1'),
        await call(api, 'POST', '/tasks/search', searchFor('task')),
      ];
      for (const { status } of answers) if (status !== 200) faults.add(`a read or a search was answered ${status}`);
    }
    await sleep(INTERVAL_MS);
  }
};

const countSessions = async ({ database, apis }: World, goesOn: () => boolean, faults: Set<string>): Promise<void> => {
  const { DATABASE_POOL_SIZE: poolSize } = readEnv(postgresEnv, { DATABASE_URL: database.url });
  // And a question of each relay that is active.
  const most = apis.length * (poolSize + BESIDES_POOL + 1);
  while (goesOn()) {
    const { rows } = await database.pool.query<{ sessions: string }>(
      `SELECT count(*) AS sessions FROM pg_stat_activity
       WHERE datname = current_database() AND application_name LIKE 'taskstream%'`,
    );
    const sessions = Number(rows[0]?.sessions);
    if (sessions > most) faults.add(`the APIs have ${sessions} sessions, and ${most} at most`);
    await sleep(INTERVAL_MS);
  }
};

/** What was said not to be written is not there; each write is done once when it is repeated. */
const repeat = async ({ database, apis }: World, history: History, writes: readonly Write[]): Promise<string[]> => {
  const written = async () => {
    const { rows } = await database.pool.query<{ text: string }>(
      `SELECT ${TEXT_FIELD} AS text FROM tasks WHERE ${TEXT_FIELD} = ANY($1)`,
      [writes.map(({ key }) => key)],
    );
    return rows.map(({ text }) => text);
  };
  const before = new Set(await written());
  const done = writes.filter(({ key, wasNotDone }) => wasNotDone && before.has(key));
  const [api] = apis;
  for (const { key } of writes) {
    history.keys.add(key);
    await waitFor('a write', async () => {
      if (api === undefined) return false;
      const { status, body } = await call(api, 'POST', '/tasks', creationOf(key), { 'idempotency-key': key });
      if (status !== 201) throw new Error(`answered ${status}`);
      acknowledge(history, (body as { task: { id: string; version: number } }).task);
      return true;
    });
  }
  const after = await written();
  return [
    ...done.map(({ key }) => `${key} is there, and a 503 said that nothing was written`),
    ...(after.length === writes.length ? [] : [`${after.length} tasks of ${writes.length} writes that were repeated`]),
  ];
};

export const takeStandbysAway: Fault['inject'] = async (world, _random, history) => {
  const { servers, apis } = world;
  const faults = new Set<string>();
  const writes: Write[] = [];
  await servers.strike({ kind: 'standbys away' });
  try {
    const until = performance.now() + AWAY_MS;
    const goesOn = () => performance.now() < until;
    let before = -1;
    while (before !== history.acknowledged) {
      before = history.acknowledged;
      await sleep(SETTLED_MS);
    }
    const writers = Array.from({ length: WRITERS }, async (_, writer) => {
      const api = apis[writer % apis.length];
      if (api !== undefined) writes.push(...(await tryToWrite(api, `away-${writer}`, goesOn, faults)));
    });
    await Promise.all([...writers, keepReading(apis, goesOn, faults), countSessions(world, goesOn, faults)]);
    const acknowledged = history.acknowledged - before;
    if (acknowledged > 0) faults.add(`${acknowledged} writes were acknowledged that no standby has`);
  } finally {
    await servers.strike({ kind: 'standbys back' });
  }
  if (writes.length === 0) faults.add('nothing was written meanwhile');
  for (const fault of await repeat(world, history, writes)) faults.add(fault);
  if (faults.size > 0) throw new Error([...faults].join('; '));
};
