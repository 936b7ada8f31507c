/** The store of an entity: reads at once, writes gathered, each write with its event in one statement. */
import { escapeIdentifier, type Pool } from 'pg';
import type { Actor } from '../../platform/auth/actor.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import type { ExpectedVersions } from '../../platform/http/etag.ts';
import type { Stored } from '../../platform/http/route.ts';
import { isRefusedStatement } from '../../platform/postgres-outage.ts';
import { sleep } from '../../platform/time.ts';
import type { PlacedEntity } from '../entity.ts';
import { BEFORE_ALL } from '../id.ts';
import { boundIn, OWNER } from '../owner.ts';
import { columnsOf, type Fields, type FieldValues } from '../field.ts';
import { createRows, keyReused, scopedKey, type CreateCommand, type Created } from './create.ts';
import {
  deleteRows,
  LEFT_OUT,
  notFound,
  updateRows,
  type ChangeRows,
  type DeleteCommand,
  type UpdateCommand,
} from './change.ts';
import { Gatherer, tooManyWaiting, type GatherOptions } from './gather.ts';
import type { OutboxBound } from './outbox.ts';

export type { CreateCommand, Created, DeleteCommand, UpdateCommand, ExpectedVersions, FieldValues };

/** What an actor does not reach is as if it were not there. */
export interface EntityStore {
  /** @throws TaskstreamError `idempotency_key_reused` or `outbox_full` */
  create(command: CreateCommand): Promise<Created>;
  /**
   * Changes the columns that it names, and no other.
   * @throws TaskstreamError `…_not_found`, `precondition_failed`, `outbox_full`, or `validation_failed` where they do not go with
   * those that stay
   */
  update(command: UpdateCommand): Promise<Stored>;
  /** @throws TaskstreamError `…_not_found`, `precondition_failed` or `outbox_full` */
  delete(command: DeleteCommand): Promise<Stored>;
  /** @throws TaskstreamError `…_not_found` */
  read(id: string, actor: Actor): Promise<Stored>;
  /** Up to `limit`, newest first: those created before the one with the id `before`. */
  list(actor: Actor, limit: number, before: string | undefined): Promise<readonly Stored[]>;
}

export interface EntityStoreOptions {
  readonly pool: Pool;
  /** For statements that write, so that those that wait for a standby leave reads their connections; `pool` when not given. */
  readonly writes?: Pool;
  readonly entity: PlacedEntity;
  readonly fields: Fields;
  /** Judges each write before it waits for its statement; none is refused when not given. */
  readonly bound?: OutboxBound;
  /** Called after each committed statement, so that the relay need not wait for its next poll. */
  readonly onCommit: () => void;
  /** Called with the number of commands of each statement. */
  readonly onBatch: (operation: string, size: number) => void;
}

/** Rows of one statement; more gain nothing and let the first of them wait. */
const MAX_BATCH = 200;
/** Statements that wait for rows which somebody holds locked. */
const PATIENT = 2;
/**
 * How long a row that was found locked is let alone before it is tried again, in milliseconds. Most are locked for the length
 * of another replica's statement, and must not wait behind those that are locked for long.
 */
const TRIED_AGAIN_AFTER_MS = [5, 10, 20, 40, 80] as const;
/** The same while others wait in all statements that wait; a change gives up so long after it came, in milliseconds. */
const TRIED_EVERY_MS = 250;
const MAX_LOCKED_MS = 10_000;
/** Writes that wait before more are refused: about half a second's worth at full speed. */
const MAX_QUEUE = 5_000;

export const createStore = (options: EntityStoreOptions): EntityStore => {
  const { pool, writes = pool, entity, fields, bound, onCommit, onBatch } = options;
  const gathered = <C, R>(
    operation: string,
    maxInFlight: number,
    run: (commands: readonly C[]) => Promise<(R | Error)[]>,
    keyOf: GatherOptions<C, R>['keyOf'],
    maxBatch = MAX_BATCH,
  ): Gatherer<C, R> =>
    new Gatherer({
      run: async (commands) => {
        const results = await run(commands);
        onCommit();
        return results;
      },
      didNothing: isRefusedStatement,
      keyOf,
      maxInFlight,
      maxBatch,
      maxQueue: MAX_QUEUE,
      onBatch: (size) => {
        onBatch(operation, size);
      },
    });
  // Three statements at a time keep PostgreSQL busy; more of them only shrink the batches.
  const creates = gathered<CreateCommand, Created>(
    'create',
    3,
    createRows(writes, entity, columnsOf(fields)),
    ({ actor, idempotency }) => scopedKey(entity, actor, idempotency?.key) ?? undefined,
  );
  /** Rows that somebody holds locked leave the slots to all others, and wait in slots of their own. */
  const changes = <C extends DeleteCommand>(operation: string, maxInFlight: number, rows: ChangeRows<C>) => {
    const keyOf = ({ id }: C): string => id;
    const free = gathered<C, Stored | typeof LEFT_OUT>(operation, maxInFlight, rows.free, keyOf);
    const patient = gathered<C, Stored>(operation, PATIENT, rows.any, keyOf, 1);
    let waiting = 0;
    /** Tries a row that was found locked again and again; of those that stay locked, a few wait where the lock's holder wakes them. */
    const untilFree = async (command: C, giveUpAt: number): Promise<Stored> => {
      for (let attempt = 0; ; attempt += 1) {
        const result = await free.submit(command);
        if (result !== LEFT_OUT) return result;
        if (performance.now() > giveUpAt) {
          throw new TaskstreamError('database_unavailable', 'Nothing was written: somebody holds it locked.', {
            retriable: true,
          });
        }
        if (attempt > TRIED_AGAIN_AFTER_MS.length && waiting < PATIENT) break;
        await sleep(TRIED_AGAIN_AFTER_MS[attempt] ?? TRIED_EVERY_MS);
      }
      waiting += 1;
      return patient.submit(command).finally(() => {
        waiting -= 1;
      });
    };
    /**
     * Changes of rows that were found locked, by id and whom they are bound to: later ones of the same row come after them. Whoever does
     * not reach the row waits for nobody who does.
     */
    const locked = new Map<string, Promise<unknown>>();
    let queued = 0;
    return async (command: C): Promise<Stored> => {
      bound?.check();
      const place = `${boundIn(entity, command.actor) ?? ''}\n${command.id}`;
      const giveUpAt = performance.now() + MAX_LOCKED_MS;
      if (!locked.has(place)) {
        const result = await free.submit(command);
        if (result !== LEFT_OUT) return result;
      }
      if (queued >= MAX_QUEUE) throw tooManyWaiting();
      queued += 1;
      const changed = (locked.get(place) ?? sleep(TRIED_AGAIN_AFTER_MS[0])).then(() => untilFree(command, giveUpAt));
      const ended: Promise<unknown> = changed
        .catch(() => undefined)
        .finally(() => {
          queued -= 1;
          if (locked.get(place) === ended) locked.delete(place);
        });
      locked.set(place, ended);
      return changed;
    };
  };
  const { name, table, rowToJson } = entity;
  const shown = `SELECT t.id::text, t.version, ${rowToJson}(t) AS json FROM ${escapeIdentifier(table)} AS t`;
  const find = async (id: string, actor: Actor): Promise<Stored | undefined> => {
    const owner = boundIn(entity, actor);
    const { rows } = await pool.query<Row>(
      owner === undefined
        ? { name: `${table}-read`, text: `${shown} WHERE t.id = $1`, values: [id] }
        : { name: `${table}-read-own`, text: `${shown} WHERE t.id = $1 AND t.${OWNER} = $2`, values: [id, owner] },
    );
    return rows[0] === undefined ? undefined : toStored(rows[0]);
  };
  return {
    create: async (command) => {
      bound?.check();
      const created = await creates.submit(command);
      if (created.isForgotten !== true) return created;
      const now = await find(created.id, command.actor);
      if (now !== undefined) return { ...now, replayed: true };
      throw keyReused(created.id, 'What this Idempotency-Key has created is gone.');
    },
    update: changes('update', 3, updateRows(writes, entity, fields)),
    delete: changes('delete', 2, deleteRows(writes, entity)),
    read: async (id, actor) => {
      const stored = await find(id, actor);
      if (stored === undefined) throw notFound(name, id);
      return stored;
    },
    list: async (actor, limit, before = BEYOND_ALL) => {
      const owner = boundIn(entity, actor);
      // Ids are UUIDv7, and so in order of creation. The order is by the column: a bare `id` would be the text of the
      // answer, for which all rows are read and sorted.
      const { rows } = await pool.query<Row>(
        owner === undefined
          ? {
              name: `${table}-list`,
              text: `${shown} WHERE t.id < $1 ORDER BY t.id DESC LIMIT $2`,
              values: [before, limit],
            }
          : {
              name: `${table}-list-own`,
              // By both columns, and without an equality: else the planner may walk all rows by id, and pass over what others own.
              text: `${shown} WHERE (t.${OWNER}, t.id) < ($3, $1) AND (t.${OWNER}, t.id) >= ($3, '${BEFORE_ALL}')
                AND t.${OWNER} IS NOT NULL ORDER BY t.${OWNER} DESC, t.id DESC LIMIT $2`,
              values: [before, limit, owner],
            },
      );
      return rows.map(toStored);
    },
  };
};

/** Above every UUIDv7 that time will bring. */
const BEYOND_ALL = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

interface Row {
  readonly id: string;
  readonly version: string;
  readonly json: string;
}

const toStored = ({ id, version, json }: Row): Stored => ({ id, version: Number(version), json });
