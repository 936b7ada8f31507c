/**
 * Where in the outbox the relay reads.
 *
 * Rows stand in the order of their numbers, but appear in the order of commits: a row with a lower number may come later,
 * and the next change of its id must not overtake it. So reading begins after a mark below which no row can appear any
 * more, and passes over what was read before. Without the mark each poll would walk every dead row that vacuum cannot
 * remove, as while somebody holds an old snapshot.
 *
 * A writer has its transaction number before it draws the row's number. Once every transaction has ended that had begun
 * when number N had been drawn, what is numbered up to N is visible: the mark may pass N after one more scan. As a statement by hand
 * may draw the row's number first, and a restore may set the numbers back, the relay sweeps what is below the mark now and then.
 */
import type { OutboxRow } from './records.ts';
import type { TransactionBounds } from './session.ts';

/** Rows behind the mark that are remembered: only a writer's transaction that stays open lets them grow. */
const MAX_SEEN = 100_000;

export class OutboxCursor {
  /** No row up to here can appear unseen. */
  #mark = 0;
  /** The highest number that had been drawn when transactions were last read. */
  #drawn = 0;
  /** The mark may move to `row` once every transaction below `begunBelow` has ended. */
  #next: { readonly row: number; readonly begunBelow: bigint; isDue: boolean } | undefined;
  /** Rows behind the mark that were read, and the slot of each. */
  #seen = new Map<string, number>();

  get mark(): number {
    return this.#mark;
  }

  get seen(): Iterable<string> {
    return this.#seen.keys();
  }

  /** Whether nothing may be read before that transaction ends. Once it has, a scan has to find a row to move the mark. */
  get isFull(): boolean {
    return this.#seen.size >= MAX_SEEN && this.#next?.isDue !== true;
  }

  /** Whether the next observation has to say which transactions have begun. */
  get wantsBegun(): boolean {
    return this.#next === undefined && this.#drawn > this.#mark;
  }

  /** To be called before a scan. */
  observe({ endedBelow, begunBelow, drawn }: TransactionBounds): void {
    // Drawn at the time before this one, and so by a transaction that has begun by now.
    if (begunBelow !== undefined && this.wantsBegun) this.#next = { row: this.#drawn, begunBelow, isDue: false };
    else if (this.#next !== undefined && endedBelow >= this.#next.begunBelow) this.#next.isDue = true;
    this.#drawn = drawn;
  }

  /**
   * Takes note of what a scan found.
   * @param found all rows that are now in the relay's hands
   * @param isComplete whether the scan went to the outbox's end
   */
  take(found: readonly OutboxRow[], isComplete: boolean): void {
    for (const { id, slot } of found) this.#seen.set(id, slot);
    const last = Number(found.at(-1)?.id ?? 0);
    if (this.#next?.isDue !== true) return;
    const mark = isComplete ? this.#next.row : Math.min(this.#next.row, last);
    if (isComplete || last >= this.#next.row) this.#next = undefined;
    if (mark <= this.#mark) return;
    this.#mark = mark;
    this.#forget((id) => Number(id) <= mark);
  }

  /** The rows are gone from the outbox. */
  forget(ids: Iterable<string>): void {
    for (const id of ids) this.#seen.delete(id);
  }

  /** Reads again from `row` on, except for the rows in the relay's hands. */
  rewind(row: number, inHands: Iterable<OutboxRow>): void {
    this.#mark = Math.min(this.#mark, row - 1);
    this.#forget((id) => Number(id) >= row);
    for (const { id, slot } of inHands) this.#seen.set(id, slot);
  }

  /** Others have read those slots meanwhile: behind the mark, what is not in the relay's hands is read again. */
  rewindSlots(slots: ReadonlySet<number>, inHands: Iterable<OutboxRow>): void {
    this.#forget((_, slot) => slots.has(slot));
    for (const { id, slot } of inHands) if (Number(id) > this.#mark) this.#seen.set(id, slot);
  }

  #forget(isGone: (id: string, slot: number) => boolean): void {
    for (const [id, slot] of this.#seen) if (isGone(id, slot)) this.#seen.delete(id);
  }
}
