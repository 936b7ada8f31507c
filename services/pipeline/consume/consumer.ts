/**
 * The loop of the indexer: read → process → commit, one batch in flight and one that gathers, parsed and encoded.
 *
 * - A batch's offsets are committed only after all outcomes below them are final.
 * - Revoked partitions are given away after the batch in flight that touches them is finished and committed.
 * - Polling goes on, with all partitions paused, while a batch waits for a server that is down: the group stays
 *   healthy and sees rebalances, and nothing more is read.
 * - Memory is bounded whatever the lag: a batch in flight, a batch that gathers, and the client's own read-ahead, each of
 *   them in bytes of what is uncompressed.
 */
import type { Message, TopicPartitionOffset } from '../../platform/kafka/native.ts';
import { messageOf } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { backoffMs, sleep } from '../../platform/time.ts';
import { MAX_EVENT_BYTES } from '../topics.ts';
import { Committer } from './committer.ts';
import type { GroupClient, Polled, RebalanceListener } from './group-client.ts';
import type { EventRules } from './parse-event.ts';
import type { IndexerMetrics, RebalanceKind } from './metrics.ts';
import { progressOf } from './offsets.ts';
import type { BatchProcessor } from './process-batch.ts';
import { receive, type ReceivedEvent } from './received.ts';

export interface ConsumerOptions {
  readonly entity: EventRules;
  readonly processor: BatchProcessor;
  readonly metrics: IndexerMetrics;
  readonly logger: Logger;
  readonly maxBatchEvents: number;
  /** What the records of a batch may hold together, in bytes; its last record may exceed it. */
  readonly maxBatchBytes: number;
  /** Shortest time from a batch to the next one that is not full. */
  readonly waitMs: number;
  /** Time a batch in flight gets to finish when its partitions are revoked or the consumer closes. */
  readonly drainDeadlineMs: number;
  /** Called after each batch, settled or not, with its partitions and how long it was at work, in milliseconds. */
  readonly onProgress: (partitions: ReadonlySet<number>, tookMs?: number) => void;
  /** Called after a batch of which nothing is left to do here: the rest of it, if any, belongs to another process now. */
  readonly onDone: () => void;
  /** Called after a batch behind which nothing waited. */
  readonly onCaughtUp: () => void;
}

/** Joins the group; it is given the listener that the group's rebalances are told to. */
export type Join = (listener: RebalanceListener) => Promise<GroupClient>;

interface InFlight {
  readonly partitions: ReadonlySet<number>;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/** A full batch that waits longer than this for the one in flight pauses the partitions. */
const PAUSE_AFTER_MS = 1_000;
/** Shortest time from a read that was not full to the next one: each of them costs the whole process. */
const READ_EVERY_MS = 20;
/** How fast batches grow from the first record, whose size nobody knows. */
const GROWTH = 8;
/** Time the last commit gets before partitions are given away. */
const COMMIT_DEADLINE_MS = 5_000;

export class GroupConsumer {
  readonly #options: ConsumerOptions;
  readonly #owned = new Set<number>();
  readonly #revoking = new Set<number>();
  /** Next offset to settle, by owned partition of which something was settled. */
  readonly #positions = new Map<number, number>();
  /** Ends that are reached once all that was read before them is settled. */
  readonly #ends = new Map<number, TopicPartitionOffset>();
  readonly #stop = new AbortController();
  readonly #closed = new AbortController();
  #client: GroupClient | undefined;
  #committer: Committer | undefined;
  #buffer: ReceivedEvent[] = [];
  /** Records that may gather before no more is read. */
  #max = 1;
  #bufferChanged = deferred();
  #inFlight: InFlight | undefined;
  #paused = false;
  #pollFailures = 0;
  #isLargeLogged = false;
  #loops: Promise<unknown> = Promise.resolve();

  constructor(options: ConsumerOptions) {
    this.#options = options;
  }

  /** Joins the group and starts reading. */
  async start(join: Join): Promise<void> {
    this.#client = await join({
      onAssign: (partitions) => {
        this.#onAssign(partitions);
      },
      onRevoke: (partitions, lost) => this.#onRevoke(partitions, lost),
    });
    const client = this.#client;
    const { entity, metrics, logger } = this.#options;
    this.#committer = new Committer({
      commit: (offsets) => client.commit(offsets),
      onFailure: () => {
        metrics.commitFailures.inc({ entity: entity.name });
      },
      logger,
    });
    this.#loops = Promise.all([this.#pollLoop(client), this.#processLoop()]);
  }

  /** The partitions this consumer reads now. */
  get partitions(): readonly number[] {
    return [...this.#owned];
  }

  /** For each of them the next offset to settle; `undefined` where nothing was settled yet. */
  get positions(): ReadonlyMap<number, number | undefined> {
    return new Map(this.partitions.map((partition) => [partition, this.#positions.get(partition)]));
  }

  /** Why it has no place in the group, or may not read; nothing when it has one, be it without partitions in a full group. */
  get outsideReason(): string | undefined {
    // Partitions that are kept during a rebalance are read on.
    return this.#client?.refusalReason() ?? (this.#owned.size > 0 ? undefined : this.#client?.outsideReason());
  }

  /** Stops reading, finishes the batch in flight, commits, and leaves the group. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#setBuffer([]);
    await this.#drain();
    if (!(await this.#flush())) {
      // Leaving the group revokes the partitions, which would wait for the same commit once more.
      this.#committer?.drop(this.partitions);
    }
    // Polling ends last: the answers to commits arrive through it.
    this.#closed.abort();
    await this.#loops;
    await this.#client?.disconnect();
  }

  get #stopping(): boolean {
    return this.#stop.signal.aborted;
  }

  async #pollLoop(client: GroupClient): Promise<void> {
    let readAt = Number.NEGATIVE_INFINITY;
    while (!this.#closed.signal.aborted) {
      if (this.#isFull) await this.#nextChange(PAUSE_AFTER_MS);
      const waitMs = readAt + READ_EVERY_MS - performance.now();
      if (waitMs > 0) await sleep(waitMs, this.#closed.signal);
      this.#setPaused(this.#isFull || this.#stopping);
      // A restart gives nobody a right, or a topic.
      if (client.refusalReason() !== undefined) this.#options.onProgress(this.#owned);
      const room = this.#paused ? 1 : Math.max(1, this.#max - this.#buffer.length);
      const { messages, ends } = await this.#poll(client, room);
      if (messages.length > 0 && messages.length < room) readAt = performance.now();
      this.#max = this.#nextMax(this.#max, messages);
      const owned = messages.filter(({ partition }) => this.#owned.has(partition));
      if (owned.length > 0)
        this.#setBuffer([...this.#buffer, ...owned.map((message) => receive(message, this.#options.entity))]);
      for (const end of ends) if (this.#owned.has(end.partition)) this.#ends.set(end.partition, end);
      this.#passGaps();
    }
  }

  /** Whether the batch that gathers has all that it may have. */
  get #isFull(): boolean {
    const { maxBatchBytes } = this.#options;
    return (
      this.#buffer.length >= this.#max ||
      this.#buffer.reduce((bytes, { message }) => bytes + message.size, 0) >= maxBatchBytes
    );
  }

  /** Records to ask for next. The client takes a number only, so it is drawn from the sizes of those that came. */
  #nextMax(max: number, messages: readonly Message[]): number {
    if (messages.length === 0) return max;
    const { maxBatchEvents, maxBatchBytes, logger } = this.#options;
    const largest = messages.reduce((bytes, { size }) => Math.max(bytes, size), 1);
    if (largest > MAX_EVENT_BYTES && !this.#isLargeLogged) {
      this.#isLargeLogged = true;
      logger.warn(
        { bytes: largest, MAX_EVENT_BYTES },
        'a record is larger than an event may be: memory is not bounded',
      );
    }
    // It grows in steps: the next records may be larger than these.
    return Math.max(1, Math.min(maxBatchEvents, Math.floor(maxBatchBytes / largest), max * GROWTH));
  }

  /** Commits past what is no record at a partition's end, so that nobody counts it as waiting: see `Polled`. */
  #passGaps(): void {
    // A stop drops what was read ahead: nothing behind it is reached.
    if (this.#ends.size === 0 || this.#stopping) return;
    const open = new Set(this.#buffer.map(({ partition }) => partition));
    const reached = [...this.#ends.values()].filter(
      ({ partition }) => !open.has(partition) && this.#inFlight?.partitions.has(partition) !== true,
    );
    for (const { partition } of reached) this.#ends.delete(partition);
    this.#mark(reached.filter(({ partition, offset }) => offset > (this.#positions.get(partition) ?? 0)));
  }

  #mark(offsets: readonly TopicPartitionOffset[]): void {
    if (offsets.length === 0) return;
    for (const { partition, offset } of offsets) this.#positions.set(partition, offset);
    this.#committer?.mark(offsets);
  }

  /** Reads, with patience: nothing comes while Kafka does not answer. */
  async #poll(client: GroupClient, max: number): Promise<Polled> {
    try {
      const polled = await client.poll(max);
      this.#pollFailures = 0;
      return polled;
    } catch (error) {
      this.#pollFailures += 1;
      if (this.#pollFailures === 1 || this.#pollFailures % 20 === 0) {
        const reason = client.outsideReason() ?? messageOf(error);
        this.#options.logger.warn({ reason, failures: this.#pollFailures }, 'cannot read from Kafka: trying again');
      }
      await sleep(backoffMs(this.#pollFailures, { baseMs: 100, maxMs: 5_000 }), this.#closed.signal);
      return { messages: [], ends: [] };
    }
  }

  async #processLoop(): Promise<void> {
    let failures = 0;
    let begunAt = Number.NEGATIVE_INFINITY;
    while (!this.#stopping) {
      if (this.#buffer.length === 0) {
        await this.#nextChange(PAUSE_AFTER_MS);
        continue;
      }
      // Events that come alone are processed at once. Under load, many small batches would cost the whole pipeline more than
      // this wait costs the events.
      const isFull = this.#isFull;
      const leftMs = begunAt + this.#options.waitMs - performance.now();
      if (!isFull && leftMs > 0) {
        await this.#nextChange(leftMs);
        continue;
      }
      begunAt = performance.now();
      const batch = this.#take();
      const { promise: done, resolve: finish } = deferred();
      const partitions = new Set(batch.map(({ partition }) => partition));
      this.#inFlight = { partitions, abort: new AbortController(), done };
      let unfinished: readonly ReceivedEvent[] = batch;
      try {
        unfinished = await this.#settle(batch, this.#inFlight);
        failures = 0;
        if (unfinished.length === 0 && (!isFull || this.#buffer.length === 0)) this.#options.onCaughtUp();
      } catch (error) {
        failures += 1;
        this.#options.logger.error({ err: error, failures }, 'batch failed: trying it again');
        await sleep(backoffMs(failures, { baseMs: 500, maxMs: 10_000 }), this.#inFlight.abort.signal);
      } finally {
        if (!this.#requeue(unfinished)) this.#options.onDone();
        this.#inFlight = undefined;
        this.#passGaps();
        finish();
      }
    }
  }

  /**
   * No more than a batch may have: what a batch could not settle stands before what gathered behind it. `#max` bounds what is
   * read, by the largest record that came; what is there has its own bytes.
   */
  #take(): readonly ReceivedEvent[] {
    const { maxBatchEvents, maxBatchBytes } = this.#options;
    let bytes = 0;
    const end = this.#buffer.findIndex(({ message }, index) => {
      const isOver = index >= maxBatchEvents || bytes >= maxBatchBytes;
      bytes += message.size;
      return isOver;
    });
    const batch = end === -1 ? this.#buffer : this.#buffer.slice(0, end);
    this.#setBuffer(this.#buffer.slice(batch.length));
    return batch;
  }

  /** Returns the events that are not settled. */
  async #settle(batch: readonly ReceivedEvent[], { abort, partitions }: InFlight): Promise<readonly ReceivedEvent[]> {
    const startedAt = performance.now();
    const settled = await this.#options.processor.process(batch, abort.signal);
    this.#options.onProgress(partitions, performance.now() - startedAt);
    const { commit, unfinished } = progressOf(batch, settled);
    // A partition that was lost meanwhile has a new owner, whose commits must not be set back.
    this.#mark(commit.filter(({ partition }) => this.#owned.has(partition) || this.#revoking.has(partition)));
    return unfinished;
  }

  /** Takes back what this process still has to do; returns whether there is any. */
  #requeue(events: readonly ReceivedEvent[]): boolean {
    const owned = events.filter(({ partition }) => this.#owned.has(partition));
    if (owned.length > 0) this.#setBuffer([...owned, ...this.#buffer]);
    return owned.length > 0;
  }

  #onAssign(partitions: readonly number[]): void {
    for (const partition of partitions) this.#owned.add(partition);
    // The client keeps a pause beyond its assignment: a partition that left while all were paused, and comes back later,
    // would stand still for ever (librdkafka resets only pauses of its own when a partition leaves).
    if (this.#paused) this.#client?.pause(partitions);
    else this.#client?.resume(partitions);
    this.#report('assigned', partitions);
  }

  async #onRevoke(partitions: readonly number[], lost: boolean): Promise<void> {
    for (const partition of partitions) {
      this.#owned.delete(partition);
      // What was read ahead of it is dropped, so its end is not reached.
      this.#ends.delete(partition);
      if (!lost) this.#revoking.add(partition);
    }
    this.#report(lost ? 'lost' : 'revoked', partitions);
    this.#setBuffer(this.#buffer.filter(({ partition }) => this.#owned.has(partition)));
    const touched = partitions.some((partition) => this.#inFlight?.partitions.has(partition));
    // What is lost cannot be committed any more: there is nothing to wait for.
    if (touched && lost) this.#inFlight?.abort.abort();
    if (touched) await this.#drain();
    if (!lost) await this.#flush();
    this.#committer?.drop(partitions);
    for (const partition of partitions) {
      this.#revoking.delete(partition);
      this.#positions.delete(partition);
    }
  }

  /** Waits for the last commit; false when it was not confirmed in time. */
  async #flush(): Promise<boolean> {
    const confirmed = (await this.#committer?.flush(COMMIT_DEADLINE_MS)) !== false;
    if (!confirmed) this.#options.logger.warn('the last commit was not confirmed: its events are read again');
    return confirmed;
  }

  /** Waits for the batch in flight; past the deadline it is cut short, and what is not settled is not committed. */
  async #drain(): Promise<void> {
    const { drainDeadlineMs, logger } = this.#options;
    const inFlight = this.#inFlight;
    if (inFlight === undefined) return;
    const timer = setTimeout(() => {
      logger.warn({ drainDeadlineMs }, 'the batch in flight does not finish: it is left to the next owner');
      inFlight.abort.abort();
    }, drainDeadlineMs);
    await inFlight.done;
    clearTimeout(timer);
  }

  #setPaused(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (paused) this.#client?.pause(this.partitions);
    else this.#client?.resume(this.partitions);
    this.#options.logger.info({ paused }, paused ? 'paused: a batch waits for its server' : 'resumed');
  }

  #setBuffer(events: ReceivedEvent[]): void {
    // What a stopping consumer has not begun, the next owner of its partition reads.
    this.#buffer = this.#stopping ? [] : events;
    this.#options.metrics.buffered.set({ entity: this.#options.entity.name }, this.#buffer.length);
    this.#bufferChanged.resolve();
    this.#bufferChanged = deferred();
  }

  /** Waits until the buffer changes or the consumer stops, `ms` at most. */
  async #nextChange(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([this.#bufferChanged.promise, timeout]);
    clearTimeout(timer);
  }

  #report(kind: RebalanceKind, partitions: readonly number[]): void {
    const { metrics, entity } = this.#options;
    metrics.rebalances.inc({ entity: entity.name, kind });
    metrics.assigned.set({ entity: entity.name }, this.#owned.size);
    const figures = { partitions, total: this.#owned.size };
    if (kind === 'lost') this.#options.logger.warn(figures, 'partitions lost: what was not committed is read again');
    else this.#options.logger.info(figures, `partitions ${kind}`);
  }
}

interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

const deferred = (): Deferred => {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
};
