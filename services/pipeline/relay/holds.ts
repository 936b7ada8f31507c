/**
 * Rows that Kafka did not confirm, and what must wait for them.
 *
 * A partition or a topic that does not answer holds back the rows that go there. A record that was refused holds back the
 * later rows of its own id. Of each hold only its first row is retried: once Kafka has it, the others are read again.
 */
import { partitionOf } from '../../platform/kafka/partition.ts';
import { DeliveryError } from '../../platform/kafka/producer.ts';
import { backoffMs } from '../../platform/time.ts';
import type { Change } from './records.ts';
import type { HeldRow } from './session.ts';

export interface Hold {
  /** As people read it: `id …`, `partition …` or `topic …`. */
  readonly scope: string;
  /** The row that is retried: the first that failed, or one that waits when another relay has that one. */
  first: Change;
  /** Number of the first row that failed or waits: from here on the outbox is read again once the hold is released. */
  from: number;
  /** Ids with a row that failed: the number of the first one, behind which later rows are sent again even if Kafka has them. */
  readonly ids: Map<string, { readonly from: number; readonly slot: number }>;
  /** By slot the first row that failed or waits. */
  readonly bySlot: Map<number, Change>;
  reason: string;
  attempts: number;
  /** By the monotonic clock, in milliseconds. */
  retryAt: number;
  isRetried: boolean;
  /** Kafka has its first row, or refused it for good: the hold ends once nothing of its ids is in flight. */
  isOver: boolean;
  readonly since: string;
}

const RETRY = { baseMs: 200, maxMs: 5_000 };

const rowOf = (change: Change): number => Number(change.row.id);

const earlier = (known: Change | undefined, change: Change): Change =>
  known === undefined || rowOf(change) < rowOf(known) ? change : known;

const isBusy = ({ ids }: Hold, idsInFlight: ReadonlySet<string>): boolean =>
  [...ids.keys()].some((id) => idsInFlight.has(id));

const topicScope = (topic: string): string => `topic ${topic}`;

const isOfTopic = ({ scope, first }: Hold): boolean => scope === topicScope(first.topic);

const partitionScope = (topic: string, partition: number): string => `partition ${topic}/${partition}`;

export class Holds {
  readonly #holds = new Map<string, Hold>();
  readonly #byId = new Map<string, Hold>();
  /** Partitions of each topic, as far as they are known. */
  readonly #partitions = new Map<string, number>();

  get size(): number {
    return this.#holds.size;
  }

  /**
   * An id whose earlier row has failed stays with the hold of that row, whatever the error says now: in a hold of its own the
   * later row would be retried first.
   * @returns true when it is the first failure of its scope
   */
  fail(change: Change, error: Error): boolean {
    const scope = this.#scopeOf(change, error);
    const hold = this.#byId.get(change.row.task_id) ?? this.#holds.get(scope);
    if (hold !== undefined) {
      this.#addId(hold, change);
      if (!hold.isRetried && rowOf(change) < rowOf(hold.first)) hold.first = change;
      this.wait(hold, change);
      return false;
    }
    const created: Hold = {
      scope,
      first: change,
      from: rowOf(change),
      ids: new Map(),
      bySlot: new Map(),
      reason: error.message,
      attempts: 1,
      retryAt: performance.now() + backoffMs(1, RETRY),
      isRetried: false,
      isOver: false,
      since: new Date().toISOString(),
    };
    this.#holds.set(scope, created);
    this.#addId(created, change);
    this.wait(created, change);
    return true;
  }

  #addId(hold: Hold, change: Change): void {
    const { task_id: id, slot } = change.row;
    hold.ids.set(id, { from: Math.min(hold.ids.get(id)?.from ?? Infinity, rowOf(change)), slot });
    this.#byId.set(id, hold);
  }

  /** The hold that a change must wait for. */
  of({ topic, row }: Change): Hold | undefined {
    if (this.#holds.size === 0) return undefined;
    const partitions = this.#partitions.get(topic);
    return (
      this.#byId.get(row.task_id) ??
      this.#holds.get(topicScope(topic)) ??
      (partitions === undefined
        ? undefined
        : this.#holds.get(partitionScope(topic, partitionOf(row.task_id, partitions))))
    );
  }

  /** True when an earlier row of its id has failed. */
  followsFailed(change: Change): boolean {
    const id = change.row.task_id;
    return (this.#byId.get(id)?.ids.get(id)?.from ?? Infinity) < rowOf(change);
  }

  /** A row that waits may stand before the one that failed, as it was committed later. */
  wait(hold: Hold, change: Change): void {
    hold.from = Math.min(hold.from, rowOf(change));
    hold.bySlot.set(change.row.slot, earlier(hold.bySlot.get(change.row.slot), change));
  }

  /** When the next hold is due, by the monotonic clock in milliseconds. @param leaving slots of which nothing is retried */
  nextRetryAt(leaving: ReadonlySet<number>): number {
    return Math.min(...this.#waiting(leaving).map(({ retryAt }) => retryAt));
  }

  #waiting(leaving: ReadonlySet<number>): readonly Hold[] {
    if (this.#holds.size === 0) return [];
    return [...this.#holds.values()].filter(
      ({ isRetried, isOver, first }) => !isRetried && !isOver && !leaving.has(first.row.slot),
    );
  }

  /**
   * Holds whose first row may be sent again: when its time has come, and no other row of its ids is in flight. One that is over is
   * read again, here or by another relay.
   * @param leaving slots that another relay is to have: it would wait for the attempt
   */
  due(idsInFlight: ReadonlySet<string>, leaving: ReadonlySet<number>): readonly Hold[] {
    const now = performance.now();
    return this.#waiting(leaving).filter((hold) => hold.retryAt <= now && !isBusy(hold, idsInFlight));
  }

  /**
   * A hold of a whole topic, made while nobody knew its partitions, is over once the error turns out to be about one of them
   * or about the record: all is read again, and what fails then holds back no more than that.
   */
  failAgain(hold: Hold, error: Error): void {
    if (isOfTopic(hold) && this.#scopeOf(hold.first, error) !== hold.scope) {
      hold.isOver = true;
      return;
    }
    hold.isRetried = false;
    hold.reason = error.message;
    hold.attempts += 1;
    hold.retryAt = performance.now() + backoffMs(hold.attempts, RETRY);
  }

  end(hold: Hold): void {
    hold.isOver = true;
  }

  /** Slots of whose rows one is being retried. */
  slotsRetried(): ReadonlySet<number> {
    return new Set([...this.#holds.values()].filter(({ isRetried }) => isRetried).map(({ first }) => first.row.slot));
  }

  /**
   * Forgets the rows of slots that another relay reads from now on, of which nothing is in flight and none is being retried. What holds
   * others back goes on to do so, and retries one of those.
   */
  letGo(slots: ReadonlySet<number>): void {
    for (const hold of this.#holds.values()) {
      for (const [id, { slot }] of hold.ids) {
        if (!slots.has(slot)) continue;
        hold.ids.delete(id);
        if (this.#byId.get(id) === hold) this.#byId.delete(id);
      }
      for (const slot of slots) hold.bySlot.delete(slot);
      if (hold.isOver || !slots.has(hold.first.row.slot)) continue;
      const next = this.#firstOf(hold);
      if (next === undefined) {
        // What waits is read again, and finds what holds it back.
        hold.isOver = true;
      } else {
        hold.first = next;
        this.#addId(hold, next);
      }
    }
  }

  /** The first row of a hold that may be sent: none of its slot, and so none of its id, waits for another one before it. */
  #firstOf(hold: Hold): Change | undefined {
    const others = [...this.#holds.values()].filter((other) => other !== hold);
    const isFirst = ([slot, change]: readonly [number, Change]): boolean =>
      others.every(({ bySlot }) => earlier(bySlot.get(slot), change) === change);
    const free = [...hold.bySlot].filter(isFirst).map(([, change]) => change);
    return free.length === 0 ? undefined : free.reduce(earlier);
  }

  /**
   * Holds that are over, of whose ids nothing is in flight: while the first row was retried, an earlier row of an id may have
   * failed and a later one still be in flight, which must be sent again after it.
   */
  releasable(idsInFlight: ReadonlySet<string>): readonly Hold[] {
    return [...this.#holds.values()].filter((hold) => hold.isOver && !isBusy(hold, idsInFlight));
  }

  release(hold: Hold): void {
    this.#holds.delete(hold.scope);
    for (const id of hold.ids.keys()) if (this.#byId.get(id) === hold) this.#byId.delete(id);
  }

  setPartitions(topic: string, count: number): void {
    this.#partitions.set(topic, count);
  }

  rows(limit: number): readonly HeldRow[] {
    const open = [...this.#holds.values()].filter(({ isOver }) => !isOver);
    return open.slice(0, limit).map(({ first, scope, reason, attempts, since }) => ({
      id: first.row.id,
      task_id: first.row.task_id,
      scope,
      reason,
      attempts,
      since,
    }));
  }

  #scopeOf({ topic, row }: Change, error: Error): string {
    if (error instanceof DeliveryError) {
      if (error.isRefusal) return `id ${row.task_id}`;
      const partitions = this.#partitions.get(topic);
      // A topic with another partitioner: what would be held back is not what fails.
      const isKnown = partitions !== undefined && partitionOf(row.task_id, partitions) === error.partition;
      if (error.partition !== undefined && isKnown) return partitionScope(topic, error.partition);
      if (error.partition !== undefined && partitions !== undefined) return `id ${row.task_id}`;
    }
    return topicScope(topic);
  }
}
