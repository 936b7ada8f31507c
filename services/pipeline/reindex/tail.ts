/**
 * Applies the events of the topic to the index that is being filled, from given offsets on and for as long as it takes.
 * Versions make it indifferent to order and repetition, so it runs beside the copy.
 */
import { EventEmitter, once } from 'node:events';
import { collapse } from '../index/collapse.ts';
import { receive } from '../consume/received.ts';
import { TaskstreamError, messageOf } from '../../platform/errors.ts';
import type { Batch, Offsets, TopicReader } from '../../platform/kafka/reader.ts';
import { retry } from '../../platform/retry.ts';
import { sleep } from '../../platform/time.ts';
import type { Entity } from '../entity.ts';
import type { Fill } from './fill.ts';

export interface TailOptions {
  readonly entity: Entity;
  readonly topic: string;
  readonly reader: Pick<TopicReader, 'follow' | 'poll'>;
  readonly fill: Fill;
  readonly batchSize: number;
  /** How long to wait before so many more events, in milliseconds. */
  readonly pace: (events: number) => number;
  /** Called with the number of offsets that were passed. */
  readonly onAdvance: (offsets: number) => void;
}

/** Attempts to read, some minutes of them. */
const MAX_POLLS = 31;

export class Tail {
  readonly #options: TailOptions;
  readonly #next = new Map<number, number>();
  readonly #moved = new EventEmitter();
  #events = 0;

  constructor(options: TailOptions) {
    this.#options = options;
  }

  /** Events read so far. */
  get events(): number {
    return this.#events;
  }

  /** Follows partitions that it does not follow yet, from these offsets on. */
  follow(from: Offsets): void {
    const added = new Map([...from].filter(([partition]) => !this.#next.has(partition)));
    for (const [partition, offset] of added) this.#next.set(partition, offset);
    this.#options.reader.follow(this.#options.topic, added);
  }

  /** Runs until `signal` aborts. @throws when an event cannot be read or written */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const batch = await this.#poll(signal);
      await this.#apply(batch, signal);
    }
  }

  async #poll(signal: AbortSignal): Promise<Batch> {
    const { reader, batchSize } = this.#options;
    try {
      return await retry(() => reader.poll(batchSize), {
        backoff: { baseMs: 100, maxMs: 5_000 },
        maxAttempts: MAX_POLLS,
        isRetriable: () => true,
        signal,
      });
    } catch (error) {
      throw new TaskstreamError('broker_unavailable', `Kafka cannot be read: ${messageOf(error)}`, {
        cause: error,
        retriable: true,
      });
    }
  }

  /** Waits until everything below `ends` is in the index. @throws when `signal` aborts first */
  async passes(ends: Offsets, signal: AbortSignal): Promise<void> {
    const isPassed = () => [...ends].every(([partition, end]) => (this.#next.get(partition) ?? 0) >= end);
    while (!isPassed()) await once(this.#moved, 'moved', { signal });
  }

  async #apply({ messages, ends }: Batch, signal: AbortSignal): Promise<void> {
    const { entity, fill, pace } = this.#options;
    if (messages.length > 0) {
      await sleep(pace(messages.length), signal);
      // Neither tombstones nor events that the indexer has put among the dead letters ask anything of the index.
      const wanted = messages.flatMap((message) => {
        const { event } = receive(message, entity);
        return event.kind === 'operation' ? [event.operation] : [];
      });
      await fill(collapse(wanted).operations, signal);
      signal.throwIfAborted();
      this.#events += messages.length;
    }
    for (const { partition, offset } of messages) this.#advance(partition, offset + 1);
    for (const [partition, end] of ends) this.#advance(partition, end);
    if (messages.length > 0 || ends.size > 0) this.#moved.emit('moved');
  }

  #advance(partition: number, next: number): void {
    const passed = next - (this.#next.get(partition) ?? 0);
    if (passed <= 0) return;
    this.#next.set(partition, next);
    this.#options.onAdvance(passed);
  }
}
