/**
 * Commits offsets until the broker has them.
 * A commit is refused while a rebalance completes, even for partitions that stay: so an offset is kept until it is
 * confirmed, overwritten by a later one, or its partition is gone. Processing goes on meanwhile.
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

const BACKOFF = { baseMs: 50, maxMs: 1_000 };

export class Committer {
  readonly #options: CommitterOptions;
  readonly #pending = new Map<number, TopicPartitionOffset>();
  #running: Promise<void> | undefined;

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  /** Notes the next offsets to read; they are committed in the background. */
  mark(offsets: readonly TopicPartitionOffset[]): void {
    for (const offset of offsets) this.#pending.set(offset.partition, offset);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Forgets partitions that belong to somebody else now. */
  drop(partitions: readonly number[]): void {
    for (const partition of partitions) this.#pending.delete(partition);
  }

  /** Waits until all that was marked is confirmed, `deadlineMs` at most; returns whether it is. */
  async flush(deadlineMs: number): Promise<boolean> {
    if (this.#pending.size === 0) return true;
    const deadline = new AbortController();
    const timeout = sleep(deadlineMs, deadline.signal);
    await Promise.race([this.#running, timeout]);
    deadline.abort();
    return this.#pending.size === 0;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (this.#pending.size > 0) {
      const offsets = [...this.#pending.values()];
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
