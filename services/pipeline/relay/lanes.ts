/**
 * Which relays publish, and which slots of the outbox each has (docs/adr/0057-lanes.md).
 *
 * A relay publishes while its session has a seat; there are RELAY_LANES of them. The slots are dealt out over the seats that are
 * taken, by a rule that needs nothing else: all relays agree, whatever number each was started with. A slot is read only under its own
 * lock, so that a relay that gives it away and one that takes it never publish it at once.
 */
import type { Client } from 'pg';
import { ALL_SLOTS, RELAY_LOCK_KEY, SLOTS, type SlotMask } from './session.ts';

/** Locks of two halves: the relay's key, and a slot or, behind the slots, a seat. PostgreSQL documentation, 9.28.10. */
const FIRST_SEAT = SLOTS;

/** How often a relay looks whether others came or went, and whether it can take a seat. */
export const LOOK_MS = 500;
/** The same while a slot of its own is still with another one. */
const MISSING_LOOK_MS = 50;

/**
 * A seat, the lowest that is free. With it comes the lock that the release before and `ops relay hold` take for themselves: while either
 * has it nobody here publishes, and the other way round.
 * @returns nothing while no seat is to be had. It does not wait for one: a waiting statement would keep a snapshot, and with it
 * every deleted outbox row, from being vacuumed
 */
export const takeSeat = async (client: Client, lanes: number): Promise<number | undefined> => {
  const { rows } = await client.query<{ lock: number }>(
    'SELECT lock FROM generate_series($2::int, $3::int) AS lock WHERE pg_try_advisory_lock($1, lock) LIMIT 1',
    [RELAY_LOCK_KEY, FIRST_SEAT, FIRST_SEAT + lanes - 1],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const { rows: shared } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock_shared($1) AS locked', [
    RELAY_LOCK_KEY,
  ]);
  if (shared[0]?.locked === true) return row.lock - FIRST_SEAT;
  await unlock(client, [row.lock]);
  return undefined;
};

const unlock = async (client: Client, locks: readonly number[]): Promise<void> => {
  await client.query('SELECT pg_advisory_unlock($1, lock) FROM unnest($2::int[]) AS lock', [RELAY_LOCK_KEY, locks]);
};

/** Seats that are taken, in order. */
export const takenSeats = async (client: Client): Promise<readonly number[]> => {
  const { rows } = await client.query<{ seat: number }>({
    name: 'relay-seats',
    text: `SELECT objid::int - ${FIRST_SEAT} AS seat FROM pg_locks
           WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = ${RELAY_LOCK_KEY} AND objid >= ${FIRST_SEAT}
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
           ORDER BY objid`,
  });
  return rows.map(({ seat }) => seat);
};

/** The slots of a seat: they are dealt out over the seats that are taken, one after the other. */
export const slotsOf = (seat: number, taken: readonly number[]): ReadonlySet<number> => {
  const seats = [...new Set([...taken, seat])].sort((a, b) => a - b);
  const place = seats.indexOf(seat);
  return new Set(Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => slot % seats.length === place));
};

const maskOf = (slots: Iterable<number>): SlotMask => {
  let mask = 0n;
  for (const slot of slots) mask |= 1n << BigInt(slot);
  return BigInt.asIntN(SLOTS, mask);
};

/** The slots of one session. */
export class Lane {
  readonly #client: Client;
  readonly #seat: number;
  readonly #read = new Set<number>();
  readonly #leaving = new Set<number>();
  #lookAt = -Infinity;

  constructor(client: Client, seat: number) {
    this.#client = client;
    this.#seat = seat;
  }

  /** Slots whose rows may be read. */
  get mask(): SlotMask {
    return this.#read.size === SLOTS ? ALL_SLOTS : maskOf(this.#read);
  }

  /** Number of slots that are read. */
  get count(): number {
    return this.#read.size;
  }

  /** Slots that are to go to another relay, once nothing of them is in flight. */
  get leaving(): ReadonlySet<number> {
    return this.#leaving;
  }

  /** Slots whose lock this session has. */
  get locked(): readonly number[] {
    return [...this.#read, ...this.#leaving];
  }

  get lockedMask(): SlotMask {
    return maskOf(this.locked);
  }

  /** When it is to be shared again, by the monotonic clock in milliseconds. */
  get lookAt(): number {
    return this.#lookAt;
  }

  /**
   * Takes the slots that are this one's now and that are free, and begins to give away those that are not.
   * @returns whether there are slots that were not read until now, and so rows of any number
   */
  async share(): Promise<boolean> {
    const wanted = slotsOf(this.#seat, await takenSeats(this.#client));
    for (const slot of this.#read) {
      if (wanted.has(slot)) continue;
      this.#read.delete(slot);
      this.#leaving.add(slot);
    }
    // The lock of one that was about to leave is here, and would be taken twice.
    const kept = [...wanted].filter((slot) => this.#leaving.delete(slot));
    const taken = await this.#take([...wanted].filter((slot) => !this.#read.has(slot) && !kept.includes(slot)));
    for (const slot of [...kept, ...taken]) this.#read.add(slot);
    this.#lookAt = performance.now() + (this.#read.size < wanted.size ? MISSING_LOOK_MS : LOOK_MS);
    return kept.length + taken.length > 0;
  }

  /** Lets another relay have those slots. */
  async give(slots: readonly number[]): Promise<void> {
    await unlock(this.#client, slots);
    for (const slot of slots) this.#leaving.delete(slot);
  }

  async #take(slots: readonly number[]): Promise<readonly number[]> {
    if (slots.length === 0) return [];
    const { rows } = await this.#client.query<{ slot: number }>(
      'SELECT slot FROM unnest($2::int[]) AS slot WHERE pg_try_advisory_lock($1, slot)',
      [RELAY_LOCK_KEY, slots],
    );
    return rows.map(({ slot }) => slot);
  }
}
