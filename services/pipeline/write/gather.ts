/**
 * Gathers commands of many requests into few statements.
 * There is no timer: a command runs at once while a slot is free, and together with all others that came meanwhile
 * when none is. So a lone request pays nothing, and under load one round trip and one flush of the log serve hundreds.
 */
import { TaskstreamError } from '../../platform/errors.ts';

export interface GatherOptions<C, R> {
  /** Carries out commands in one statement; one result for each, in their order. An Error fails its command alone. */
  readonly run: (commands: readonly C[]) => Promise<readonly (R | Error)[]>;
  /** True when a statement did nothing and failed for some of its commands, so that they may be tried one by one. */
  readonly didNothing: (error: unknown) => boolean;
  /** Commands with the same key run one after the other, in the order they came. */
  readonly keyOf: (command: C) => string | undefined;
  readonly maxInFlight: number;
  readonly maxBatch: number;
  /** Commands that may wait; more are refused. */
  readonly maxQueue: number;
  readonly onBatch?: (size: number) => void;
}

interface Waiting<C, R> {
  readonly command: C;
  readonly key: string | undefined;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

export class Gatherer<C, R> {
  readonly #options: GatherOptions<C, R>;
  /** Keys of the commands in flight. */
  readonly #running = new Set<string>();
  #queue: Waiting<C, R>[] = [];
  #inFlight = 0;

  constructor(options: GatherOptions<C, R>) {
    this.#options = options;
  }

  /**
   * Carries out a command.
   * @throws TaskstreamError `database_unavailable` when too many are waiting, or what the statement failed with
   */
  submit(command: C): Promise<R> {
    if (this.#queue.length >= this.#options.maxQueue) {
      return Promise.reject(tooManyWaiting());
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ command, key: this.#options.keyOf(command), resolve, reject });
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#inFlight < this.#options.maxInFlight && this.#queue.length > 0) {
      const batch = this.#take();
      if (batch.length === 0) return;
      this.#inFlight += 1;
      void this.#execute(batch).finally(() => {
        this.#inFlight -= 1;
        for (const { key } of batch) if (key !== undefined) this.#running.delete(key);
        this.#dispatch();
      });
    }
  }

  /** The oldest commands whose keys are free. One that must wait holds back the later ones of its key. */
  #take(): Waiting<C, R>[] {
    const batch: Waiting<C, R>[] = [];
    const left: Waiting<C, R>[] = [];
    const seen = new Set<string>();
    for (const waiting of this.#queue) {
      const { key } = waiting;
      const held = key !== undefined && (this.#running.has(key) || seen.has(key));
      if (held || batch.length === this.#options.maxBatch) left.push(waiting);
      else batch.push(waiting);
      if (key !== undefined) seen.add(key);
    }
    for (const { key } of batch) if (key !== undefined) this.#running.add(key);
    this.#queue = left;
    return batch;
  }

  async #execute(batch: readonly Waiting<C, R>[]): Promise<void> {
    this.#options.onBatch?.(batch.length);
    try {
      settle(batch, await this.#options.run(batch.map(({ command }) => command)));
    } catch (error) {
      // One bad row must not fail its neighbours. After a lost connection nobody knows what was done: no second try. A
      // server that cannot serve would fail each command again, and let the last one wait for the timeouts of all.
      if (batch.length > 1 && this.#options.didNothing(error)) await this.#executeEach(batch);
      else for (const { reject } of batch) reject(error);
    }
  }

  async #executeEach(batch: readonly Waiting<C, R>[]): Promise<void> {
    for (const waiting of batch) {
      try {
        settle([waiting], await this.#options.run([waiting.command]));
      } catch (error) {
        waiting.reject(error);
      }
    }
  }
}

export const tooManyWaiting = (): TaskstreamError =>
  new TaskstreamError('database_unavailable', 'Too many writes are waiting; try again in a moment.', {
    retriable: true,
    retryAfterSeconds: 1,
  });

const settle = <C, R>(batch: readonly Waiting<C, R>[], results: readonly (R | Error)[]): void => {
  batch.forEach(({ resolve, reject }, index) => {
    const result = results[index];
    if (result === undefined) reject(new TaskstreamError('internal', 'a gathered statement returned no result'));
    else if (result instanceof Error) reject(result);
    else resolve(result);
  });
};
