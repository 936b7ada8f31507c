/**
 * Which relays publish, and which slots of the outbox each has (docs/adr/0057-lanes.md).
 *
 * A relay publishes while its session has a seat; there are RELAY_LANES of them. The slots are dealt out over the seats whose relays
 * are able to publish, by a rule that needs nothing else: all relays agree, whatever number each was started with. A slot is read only
 * under its own lock, so that a relay that gives it away and one that takes it never publish it at once.
 */
import type { Client } from 'pg';
import { RELAY_LOCK_KEY, SLOTS, type SlotMask } from './session.ts';

/**
 * Locks of two halves: the relay's key, and a slot; behind the slots a seat; behind the seats, a seat again, while its relay is able to
 * publish. PostgreSQL documentation, 9.28.10.
 */
const FIRST_SEAT = SLOTS;
/** A lane has a slot at least. */
const FIRST_ABLE = FIRST_SEAT + SLOTS;

/** A seat that is taken. */
export interface Seat {
  readonly seat: number;
  /** Whether its relay reaches a broker, and knows the types of the rows that it has met. */
  readonly isAble: boolean;
}

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

const unlock = async (client: Client, locks: Iterable<number>): Promise<void> => {
  await client.query('SELECT pg_advisory_unlock($1, lock) FROM unnest($2::int[]) AS lock', [
    RELAY_LOCK_KEY,
    [...locks],
  ]);
};

/** Seats that are taken, in order. */
export const takenSeats = async (client: Client): Promise<readonly Seat[]> => {
  const { rows } = await client.query<Seat>({
    name: 'relay-seats',
    text: `SELECT (objid::bigint % ${SLOTS})::int AS seat, bool_or(objid::bigint >= ${FIRST_ABLE}) AS "isAble" FROM pg_locks
           WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = ${RELAY_LOCK_KEY} AND objid::bigint >= ${FIRST_SEAT}
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
           GROUP BY 1 ORDER BY 1`,
  });
  return rows;
};

/**
 * The slots of a seat: they are dealt out over those whose relays are able to publish, one after the other. Where none is, all have
 * their share: whoever reaches a broker first goes on.
 */
export const slotsOf = (seat: number, taken: readonly Seat[]): ReadonlySet<number> => {
  const able = taken.filter(({ isAble }) => isAble);
  const seats = able.length > 0 ? able : taken;
  const place = seats.findIndex((each) => each.seat === seat);
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
  readonly #lanes: number;
  readonly #gained = new Set<number>();
  readonly #read = new Set<number>();
  readonly #leaving = new Set<number>();
  #isAble = false;
  #isSpare = false;
  #isShared = false;
  #lookAt = -Infinity;

  /** @param lanes how many seats there are to be: one behind them is for when none of those can publish */
  constructor(client: Client, seat: number, lanes: number) {
    this.#client = client;
    this.#seat = seat;
    this.#lanes = lanes;
  }

  /** Slots whose rows may be read. */
  get mask(): SlotMask {
    return maskOf(this.#read);
  }

  /** Slots that are this one's, and of which others have read: rows of any number may be there. */
  get gained(): ReadonlySet<number> {
    return this.#gained;
  }

  get gainedMask(): SlotMask {
    return maskOf(this.#gained);
  }

  /** Number of slots that this one publishes. */
  get count(): number {
    return this.#read.size + this.#gained.size;
  }

  /** Slots that are to go to another relay, once nothing of them is in flight. */
  get leaving(): ReadonlySet<number> {
    return this.#leaving;
  }

  /** Slots whose lock this session has. */
  get lockedMask(): SlotMask {
    return maskOf([...this.#read, ...this.#gained, ...this.#leaving]);
  }

  /** Whether another one has a seat. */
  get isShared(): boolean {
    return this.#isShared;
  }

  /** Whether its seat is one behind those that there are to be, and one of those can publish. */
  get isSpare(): boolean {
    return this.#isSpare;
  }

  /** When it is to be shared again, by the monotonic clock in milliseconds. */
  get lookAt(): number {
    return this.#lookAt;
  }

  /**
   * Takes the slots that are this one's now and that are free, and begins to give away those that are not.
   * @param isAble whether it can publish: else others have its slots, where one of them is able
   * @returns slots that were not read until now
   */
  async share(isAble: boolean): Promise<ReadonlySet<number>> {
    const found = await takenSeats(this.#client);
    this.#isSpare = this.#seat >= this.#lanes && found.some((each) => each.isAble && each.seat < this.#seat);
    await this.#setAble(isAble && !this.#isSpare);
    const taken = found.map((each) => (each.seat === this.#seat ? { ...each, isAble: this.#isAble } : each));
    const wanted = slotsOf(this.#seat, taken);
    this.#isShared = taken.length > 1;
    for (const own of [this.#read, this.#gained]) {
      for (const slot of own) {
        if (wanted.has(slot)) continue;
        own.delete(slot);
        this.#leaving.add(slot);
      }
    }
    // The lock of one that was about to leave is here, and would be taken twice.
    const kept = [...wanted].filter((slot) => this.#leaving.delete(slot));
    const missing = [...wanted].filter(
      (slot) => !this.#read.has(slot) && !this.#gained.has(slot) && !kept.includes(slot),
    );
    const gained = new Set([...kept, ...(await this.#take(missing))]);
    for (const slot of gained) this.#gained.add(slot);
    this.#lookAt = performance.now() + (this.count < wanted.size ? MISSING_LOOK_MS : LOOK_MS);
    return gained;
  }

  /** What was gained is read as the others are. */
  readGained(): void {
    for (const slot of this.#gained) this.#read.add(slot);
    this.#gained.clear();
  }

  /** Lets another relay have those slots. */
  async give(slots: ReadonlySet<number>): Promise<void> {
    await unlock(this.#client, slots);
    for (const slot of slots) this.#leaving.delete(slot);
  }

  async #setAble(isAble: boolean): Promise<void> {
    if (isAble === this.#isAble) return;
    const lock = FIRST_ABLE + this.#seat;
    if (isAble) await this.#client.query('SELECT pg_advisory_lock($1, $2)', [RELAY_LOCK_KEY, lock]);
    else await unlock(this.#client, [lock]);
    this.#isAble = isAble;
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
