/**
 * Commits offsets until the broker has them.
 * A commit is refused while a rebalance completes, even for partitions that stay: so an offset is kept until it is
 * confirmed, overwritten by a later one, or its partition is gone. Processing goes on meanwhile.
 * Commits are gathered: a kill repeats what one had not confirmed, which versions make harmless.
 */
import type { TopicPartitionOffset } from '../../platform/kafka/native.ts';
import type { Logger } from '../../platform/logger.ts';
import { messageOf } from '../../platform/errors.ts';
import { backoffMs, sleep } from '../../platform/time.ts';

export interface CommitterOptions {
  /** Resolves when the broker has the offsets. */
  readonly commit: (offsets: readonly TopicPartitionOffset[]) => Promise<void>;
  readonly onFailure: () => void;
  readonly logger: Logger;
}

/** Least time between two commits, in milliseconds. What comes in it counts as lag for whoever scales by commits. */
const EVERY_MS = 250;
const BACKOFF = { baseMs: 50, maxMs: 1_000 };

export class Committer {
  readonly #options: CommitterOptions;
  readonly #pending = new Map<number, TopicPartitionOffset>();
  #running: Promise<void> | undefined;
  #committedAt = Number.NEGATIVE_INFINITY;
  /** Ends the gathering. */
  #hurry = new AbortController();

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  /** Notes the next offsets to read; they are committed in the background. */
  mark(offsets: readonly TopicPartitionOffset[]): void {
    for (const offset of offsets) this.#pending.set(offset.partition, offset);
    this.#start();
  }

  /** Forgets partitions that belong to somebody else now. */
  drop(partitions: readonly number[]): void {
    for (const partition of partitions) this.#pending.delete(partition);
  }

  /** Waits until all that was marked is confirmed, `deadlineMs` at most; returns whether it is. */
  async flush(deadlineMs: number): Promise<boolean> {
    if (this.#pending.size === 0) return true;
    this.#hurry.abort();
    const deadline = new AbortController();
    const timeout = sleep(deadlineMs, deadline.signal);
    await Promise.race([this.#running, timeout]);
    deadline.abort();
    this.#hurry = new AbortController();
    return this.#pending.size === 0;
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      // Marked between its end and this.
      if (this.#pending.size > 0) this.#start();
    });
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (this.#pending.size > 0) {
      const waitMs = this.#committedAt + EVERY_MS - performance.now();
      if (waitMs > 0) await sleep(waitMs, this.#hurry.signal);
      const offsets = [...this.#pending.values()];
      if (offsets.length === 0) return;
      this.#committedAt = performance.now();
      try {
        await this.#options.commit(offsets);
        failures = 0;
        for (const offset of offsets) {
          if (this.#pending.get(offset.partition) === offset) this.#pending.delete(offset.partition);
        }
      } catch (error) {
        failures += 1;
        this.#options.onFailure();
        this.#options.logger.info({ reason: messageOf(error), failures }, 'commit refused: trying again');
        await sleep(backoffMs(failures, BACKOFF));
      }
    }
  }
}
