/**
 * The relay: outbox → Kafka. It runs in every API replica; RELAY_LANES of them are active at a time, each with slots of its own.
 * Rows are read in outbox order, published, and deleted once the broker confirmed them. A crash at any point leads to
 * an event published twice, never to one that is lost.
 */
import { ROOT_CONTEXT, type Tracer } from '@opentelemetry/api';
import type { Client } from 'pg';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import type { KafkaConfig } from '../../platform/kafka/settings.ts';
import type { Logger } from '../../platform/logger.ts';
import { NO_RENEWALS, type Renewals } from '../../platform/renewals.ts';
import { createClient, type PostgresConfig } from '../../platform/postgres.ts';
import { createProducer, DeliveryError, type KafkaProducer } from '../../platform/kafka/producer.ts';
import type { PlacedEntity } from '../entity.ts';
import { relayWaitMs } from '../freshness.ts';
import { MAX_EVENT_BYTES } from '../topics.ts';
import { publishWhatOvertook } from '../write/overtake.ts';
import { linksTo } from '../../platform/telemetry.ts';
import { backoffMs, sleep, withDeadline } from '../../platform/time.ts';
import { RowsBelow } from './below.ts';
import { OutboxCursor } from './cursor.ts';
import { Holds, type Hold } from './holds.ts';
import { Lane, LOOK_MS, takenSeats, takeSeat } from './lanes.ts';
import type { RelayMetrics } from './metrics.ts';
import { routesOf, sizeOf, toChunk, type Change, type OutboxRow } from './records.ts';
import {
  advance,
  endSession,
  HEARTBEAT_MS,
  isBehind,
  leaveOldPrimary,
  LongScans,
  openSession,
  primaryOf,
  readTransactionBounds,
  setAside,
  SILENCE_MS,
  SLOTS,
  writeHeld,
  type Primary,
  type SlotMask,
} from './session.ts';

export interface Relay {
  /** Says that a row was committed by this process, so that it need not wait for the next poll. */
  readonly wake: () => void;
  /** Whether it has slots to publish. */
  readonly isLeader: () => boolean;
  /** Finishes the chunk in flight, deletes what was confirmed, and gives the locks away. */
  readonly close: () => Promise<void>;
}

export interface RelayOptions {
  readonly config: PostgresConfig &
    KafkaConfig & {
      readonly RELAY_BATCH_SIZE: number;
      readonly RELAY_LANES: number;
      readonly RELAY_MAX_BYTES: number;
      readonly FRESHNESS_TARGET_MS: number;
      readonly RELAY_POLL_MS: number;
    };
  /** The rows of all of them share the outbox; each goes to the topic it names, or to that of its type's entity. */
  readonly entities: readonly PlacedEntity[];
  readonly logger: Logger;
  readonly metrics: RelayMetrics;
  readonly tracer: Tracer;
  readonly renewals?: Renewals;
}

/** Shortest wait for rows of other replicas; it doubles up to RELAY_POLL_MS while nothing comes. */
const MIN_POLL_MS = 5;
/** A record that the broker did not confirm within this time is read from the outbox again. */
const DELIVERY_TIMEOUT_MS = 30_000;
/** Kafka has answered for nothing for so long: the relay asks whether its brokers are there at all. */
const SILENT_BROKERS_MS = 5_000;
/** Rows in flight beyond which nothing is read: what a partition that does not answer holds until its first failure. */
const MAX_IN_FLIGHT = 10_000;
/** The same in bytes, in chunks of RELAY_MAX_BYTES. */
const CHUNKS_IN_FLIGHT = 4;
/** How often the mark is moved: the rows deleted in that time are what a poll may have to pass over. */
const BOUNDS_MS = 100;
/** How often rows below the mark are looked for, from the outbox's very beginning. */
const SWEEP_MS = 60_000;
/** A sweep may take a fiftieth of the time: rows that wait for a partition, which it passes, must hold up no others. */
const SWEEP_SHARE = 50;
/** How many numbers below the mark a statement reads at most: rows of other slots and dead ones hold it up, too. */
const PART = 10_000;
const NOTHING_BELOW = { changes: [] };
/** How often the rows that are held are written for `ops outbox`, and how many. */
const SHOW_HELD_MS = 1_000;
const SHOWN_ROWS = 20;
/** Retries come every 5 s at last; the log says so once a minute. */
const LOG_EVERY = 12;
/** Longest wait for a row that somebody holds, while what was published late is followed up, and the time until it is tried again. */
const FOLLOW_UP_LOCK_MS = 500;
const FOLLOW_UP_AGAIN_MS = 5_000;
/** Time the chunk in flight gets when the process stops; its rows stay in the outbox otherwise. */
const DRAIN_MS = 3_000;
/** The same, and what follows up that which Kafka did not answer for. */
const CLOSE_DEADLINE_MS = 6_500;
/** Time the Kafka client gets to close after that, with its broker away or not. */
const DISCONNECT_DEADLINE_MS = 1_500;

/**
 * Starts in the background; PostgreSQL and Kafka may come up later.
 * @throws TaskstreamError `internal` when two entities share an event type
 */
export const startRelay = (options: RelayOptions): Relay => {
  const { config, entities, metrics, tracer, renewals = NO_RENEWALS } = options;
  const logger = options.logger.child({ part: 'relay' });
  const routes = routesOf(entities);
  const waitMs = relayWaitMs(config.FRESHNESS_TARGET_MS);
  const stop = new AbortController();
  let leader = false;
  let signalWake: () => void = () => undefined;
  let woken = false;
  /** What Kafka took after this relay may have lost its locks. */
  const late: Change[] = [];
  /** What was sent and Kafka has not answered for, whichever session sent it. */
  const unanswered = new Set<{ readonly change: Change }>();
  let followUpAt = -Infinity;
  /** Questions to a broker without an answer since the last one. When one was asked, and answered, by the monotonic clock in milliseconds. */
  let misses = 0;
  let isAsking = false;
  let askedAt = -Infinity;
  let reachedAt = -Infinity;
  /** From then on others have the slots, where they are able: it will not know the next one either. */
  let hasMetUnknownType = false;
  let drainUntil = Infinity;
  const scans = new LongScans();
  /** The last of all that were reached. */
  let newest: Primary | undefined;

  const stopping = (): boolean => stop.signal.aborted;

  const wake = (): void => {
    woken = true;
    signalWake();
  };

  /** Waits for rows: until this process writes one, or `ms` have passed. */
  const idle = async (ms: number): Promise<void> => {
    if (woken) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      signalWake = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  };

  /** @param isAlone for records that are retried: Kafka's answer is then about this record */
  const connect = async (isAlone: boolean): Promise<KafkaProducer> => {
    const connected = await createProducer(
      config,
      {
        clientId: isAlone ? 'taskstream-relay-retry' : 'taskstream-relay',
        renewals,
        logger,
        deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
        maxMessageBytes: MAX_EVENT_BYTES,
        isAlone,
      },
      stop.signal,
    );
    wake();
    return connected;
  };
  const producer = once(() => connect(false));
  const retryProducer = once(() => connect(true));

  let closing: Promise<unknown> | undefined;
  /** Nothing is lost with them: what they have not confirmed is in the outbox. */
  const closeProducers = async (): Promise<void> => {
    closing ??= Promise.all([producer, retryProducer].map(async (each) => each.current()?.disconnect(0)));
    await withDeadline(closing, DISCONNECT_DEADLINE_MS, 'closing the producers').catch((error: unknown) => {
      logger.warn({ reason: messageOf(error) }, 'the Kafka client is left to the end of the process');
    });
  };

  /** Sends the records of each topic in outbox order; calls `onSettled` for each change as soon as its outcome is known. */
  const send = async (
    through: KafkaProducer,
    changes: readonly Change[],
    onSettled: (change: Change, error: Error | undefined) => void,
  ): Promise<void> => {
    await Promise.all(
      [...new Set(changes.map(({ topic }) => topic))].map(async (topic) => {
        const pending = changes
          .filter((change) => change.topic === topic)
          .map((change) => ({ change, open: change.records.length, error: undefined as Error | undefined }));
        for (const each of pending) unanswered.add(each);
        const owners = pending.flatMap((each) => each.change.records.map(() => each));
        const records = pending.flatMap(({ change }) => change.records);
        await through.send(topic, records, (index, outcome) => {
          const owner = owners[index];
          if (owner === undefined) return;
          owner.error ??= outcome;
          owner.open -= 1;
          if (owner.open > 0) return;
          unanswered.delete(owner);
          onSettled(owner.change, owner.error);
        });
      }),
    );
  };

  /**
   * Publishes the slots whose locks this session holds. A row is deleted as soon as Kafka has confirmed it, while others are in
   * flight. Behind a full chunk more is waiting, and is read at once. Behind another one, rows have time to gather
   * (FRESHNESS_TARGET_MS): a chunk of a few costs as much as one of many.
   */
  const lead = async (client: Client, seat: number, ended: AbortSignal): Promise<void> => {
    const lane = new Lane(client, seat, config.RELAY_LANES);
    let cursor = new OutboxCursor();
    const below = new RowsBelow(client);
    const holds = new Holds();
    const inFlight = new Map<string, Change>();
    let bytesInFlight = 0;
    let confirmed: Change[] = [];
    let deleting: readonly Change[] = [];
    /** What Kafka has, and gets again. */
    const unsettled = new Map<string, Change>();
    const retried: { readonly hold: Hold; readonly error: Error | undefined }[] = [];
    let writtenHeld: string | undefined;
    let heldAt = -Infinity;
    let boundsAt = -Infinity;
    let sweepAt = performance.now() + SWEEP_MS;
    /** The row to which the sweep that is under way has come, and the reading of slots that were gained. */
    let sweptTo = 0;
    let gainedTo = 0;
    /** Since when Kafka has answered for nothing of what is in flight, by the monotonic clock in milliseconds. */
    let silentSince = -Infinity;
    /** When it last had a slot to read, by the same clock. */
    let readAt = performance.now();
    let pollMs = MIN_POLL_MS;
    const topics = new Set<string>();
    ended.addEventListener('abort', () => {
      const first = retried.filter(({ error }) => error === undefined).map(({ hold }) => hold.first);
      late.push(...deleting, ...confirmed, ...unsettled.values(), ...first);
      wake();
    });

    const active = (): boolean => !stopping() && !ended.aborted;

    const settle = (change: Change, error: Error | undefined): void => {
      const { row, entity } = change;
      inFlight.delete(row.id);
      bytesInFlight -= sizeOf(change);
      if (error === undefined) {
        silentSince = performance.now();
        hasReached();
      }
      if (error !== undefined) {
        metrics.failures.inc({ entity });
        if (holds.fail(change, error)) warn(change, holds.of(change)?.scope, error);
      } else if (ended.aborted) {
        late.push(change);
      } else if (!holds.followsFailed(change)) {
        metrics.published.inc({ entity });
        confirmed.push(change);
      } else {
        // Kafka has it, but an earlier row of its id has failed: it is sent again after that one, as the last record of a key
        // must be the newest.
        const hold = holds.of(change);
        if (hold !== undefined) holds.wait(hold, change);
        unsettled.set(row.id, change);
      }
      wake();
    };

    const warn = ({ row, topic }: Change, scope: string | undefined, error: Error): void => {
      logger.warn(
        { row: row.id, id: row.task_id, topic, scope, reason: error.message },
        'Kafka did not confirm: the row stays in the outbox and is retried',
      );
    };

    /** Rows that are not to be read now. */
    const inHands = (): OutboxRow[] => [...inFlight.values(), ...confirmed].map(({ row }) => row);

    /** Sends what need not wait for a row that failed. */
    const publish = (through: KafkaProducer, found: readonly Change[]): void => {
      const changes = found.filter((change) => {
        const hold = holds.of(change);
        if (hold !== undefined) holds.wait(hold, change);
        return hold === undefined;
      });
      if (changes.length === 0) return;
      if (inFlight.size === 0) silentSince = performance.now();
      for (const change of changes) {
        inFlight.set(change.row.id, change);
        unsettled.delete(change.row.id);
        bytesInFlight += sizeOf(change);
        if (!topics.has(change.topic)) {
          topics.add(change.topic);
          void countPartitions(through, change.topic);
        }
      }
      const links = linksTo(rowsOf(changes));
      const destinations = [...new Set(changes.map(({ topic }) => topic))].join(', ');
      const span = tracer.startSpan(`${destinations} publish`, { links }, ROOT_CONTEXT);
      const endTimer = metrics.chunkDuration.startTimer();
      metrics.chunkEvents.observe(changes.length);
      void send(through, changes, settle).then(() => {
        endTimer();
        span.setAttribute('messaging.batch.message_count', changes.length);
        span.end();
      });
    };

    const countPartitions = async (through: KafkaProducer, topic: string): Promise<void> => {
      const count = await through.partitionCount(topic);
      if (count !== undefined) holds.setPartitions(topic, count);
    };

    /** Sends the first row of a hold, alone. */
    const retry = async (hold: Hold): Promise<void> => {
      const through = retryProducer.current();
      if (through === undefined) {
        retryProducer.start();
        return;
      }
      hold.isRetried = true;
      await countPartitions(through, hold.first.topic);
      await send(through, [hold.first], (_, error) => {
        retried.push({ hold, error });
        if (ended.aborted && error === undefined) late.push(hold.first);
        wake();
      });
    };

    /** What became of a row that was retried. */
    const settleRetry = async ({ hold, error }: (typeof retried)[number]): Promise<void> => {
      const { row, entity, topic } = hold.first;
      if (error === undefined) {
        metrics.published.inc({ entity });
        confirmed.push(hold.first);
      } else if (error instanceof DeliveryError && error.isRefusal) {
        await setAside(client, { id: row.id, topic, reason: error.message });
        metrics.refused.inc({ entity });
        logger.error(
          { row: row.id, id: row.task_id, topic, reason: error.message },
          'Kafka refuses this change for good: it is set aside (ops outbox refused)',
        );
      } else {
        metrics.failures.inc({ entity });
        holds.failAgain(hold, error);
        if (hold.attempts % LOG_EVERY === 0) warn(hold.first, hold.scope, error);
        return;
      }
      holds.end(hold);
    };

    /** Between two reads, so that nothing that was held is overtaken. */
    const settleRetried = async (): Promise<void> => {
      for (let next = retried[0]; next !== undefined; next = retried[0]) {
        await settleRetry(next);
        retried.shift();
      }
      if (holds.size === 0) return;
      for (const hold of holds.releasable(idsInFlight())) {
        holds.release(hold);
        cursor.rewind(hold.from, inHands());
      }
    };

    /** While others could have its slots, and Kafka answers for nothing. */
    const lookForBrokers = (through: KafkaProducer): void => {
      if (!lane.isShared && misses === 0) return;
      const now = performance.now();
      const isSilent = inFlight.size + holds.size > 0 && now - Math.max(silentSince, askedAt) > SILENT_BROKERS_MS;
      if (isSilent || misses > 0) askBrokers(through);
    };

    /** Takes slots that are this relay's now, and begins to give away others. */
    const shareSlots = async (through: KafkaProducer | undefined): Promise<void> => {
      if (through !== undefined) lookForBrokers(through);
      const before = lane.count;
      const now = performance.now();
      if (lane.mask !== 0n) readAt = now;
      const gained = await lane.share(through !== undefined && !isCut() && !hasMetUnknownType);
      if (gained.size > 0) {
        // Its mark is as old as what it read last.
        if (now - readAt > SWEEP_MS) cursor = new OutboxCursor();
        cursor.rewindSlots(gained, inHands());
        gainedTo = 0;
        writtenHeld = undefined;
      }
      if (lane.count !== before) showSlots(lane.count);
    };

    /** Gives slots away that are another one's now, once Kafka has answered for all of them and what it confirmed is deleted. */
    const giveSlots = async (): Promise<void> => {
      if (lane.leaving.size === 0) return;
      const busy = new Set([...inHands().map(({ slot }) => slot), ...holds.slotsRetried()]);
      const free = new Set([...lane.leaving].filter((slot) => !busy.has(slot)));
      if (free.size === 0) return;
      holds.letGo(free);
      await lane.give(free);
      for (const [id, { row }] of unsettled) if (free.has(row.slot)) unsettled.delete(id);
    };

    const idsInFlight = (): ReadonlySet<string> => new Set([...inFlight.values()].map(({ row }) => row.task_id));

    const showHeld = async (): Promise<void> => {
      if (performance.now() - heldAt < SHOW_HELD_MS) return;
      const rows = holds.rows(SHOWN_ROWS);
      const written = JSON.stringify(rows);
      if (written === writtenHeld) return;
      await writeHeld(client, rows, lane.lockedMask);
      metrics.held.reset();
      for (const { id, task_id, scope, reason } of rows) metrics.held.set({ row: id, id: task_id, scope, reason }, 1);
      writtenHeld = written;
      heldAt = performance.now();
    };

    /** Most rows to read now. */
    const room = (): number => {
      if (bytesInFlight >= CHUNKS_IN_FLIGHT * config.RELAY_MAX_BYTES || cursor.isFull) return 0;
      const free = Math.max(MAX_IN_FLIGHT, 2 * config.RELAY_BATCH_SIZE) - inFlight.size;
      return free < config.RELAY_BATCH_SIZE ? 0 : config.RELAY_BATCH_SIZE;
    };

    /** Deletes what is confirmed and reads what fits. */
    const readNext = async (limit: number): Promise<readonly OutboxRow[]> => {
      deleting = confirmed;
      confirmed = [];
      const gone = deleting.map(({ row }) => row.id);
      const { mark: after, seen } = cursor;
      const { RELAY_MAX_BYTES: maxBytes } = config;
      const next = { confirmed: gone, after, seen, limit, maxBytes, slots: lane.mask };
      const rows = await advance(client, after === 0 ? { ...next, scans } : next);
      deleting = [];
      cursor.forget(gone);
      return rows;
    };

    /**
     * Reads rows below the mark that are in nobody's hands, a part of the outbox at a time.
     * @returns what it found, and the row to which it came; nothing when that is the mark
     */
    const readBelow = async (after: number, slots: SlotMask): Promise<{ changes: readonly Change[]; to?: number }> => {
      const { mark } = cursor;
      const first = await below.next(after, mark);
      if (first > mark) return NOTHING_BELOW;
      const upTo = Math.min(mark, first + PART);
      const { RELAY_BATCH_SIZE: limit, RELAY_MAX_BYTES: maxBytes } = config;
      const seen = inHands().map(({ id }) => id);
      const rows = await advance(client, { confirmed: [], after: first - 1, upTo, seen, limit, maxBytes, slots });
      const { changes, unknown } = toChunk(rows, routes);
      if (unknown !== undefined) {
        // What is not known is for the reading proper to judge.
        cursor.rewind(Number(unknown.id), inHands());
        return { changes };
      }
      const isWhole = rows.length < limit && bytesOf(rows) < maxBytes;
      const to = isWhole ? upTo : Number(rows.at(-1)?.id);
      return { changes, ...(to < mark && { to }) };
    };

    /** What nobody should have written there. */
    const sweep = async (): Promise<readonly Change[]> => {
      const startedAt = performance.now();
      const { changes, to } = await readBelow(sweptTo, lane.mask);
      sweptTo = to ?? 0;
      const now = performance.now();
      sweepAt = now + Math.max(to === undefined ? SWEEP_MS : 0, (now - startedAt) * SWEEP_SHARE);
      return changes;
    };

    /** What was not published before others gave its slots away. Behind it they are read as all others. */
    const readGained = async (): Promise<readonly Change[]> => {
      const { changes, to } = await readBelow(gainedTo, lane.gainedMask);
      gainedTo = to ?? 0;
      if (to === undefined) lane.readGained();
      return changes;
    };

    while (active()) {
      woken = false;
      const through = producer.current();
      const startedAt = performance.now();
      if (startedAt - boundsAt >= BOUNDS_MS) {
        cursor.observe(await readTransactionBounds(client, cursor.wantsBegun));
        boundsAt = startedAt;
      }
      if (startedAt >= lane.lookAt) await shareSlots(through);
      await settleRetried();
      await showHeld();
      await publishOvertaken(client);
      const gained = through !== undefined && lane.gained.size > 0 && room() > 0 ? await readGained() : [];
      if (through !== undefined) publish(through, gained);
      const limit = through === undefined || lane.mask === 0n ? 0 : room();
      const rows = await readNext(limit);
      await giveSlots();
      // One of those that there are to be publishes again: this one waits for a place among them.
      if (lane.isSpare && lane.lockedMask === 0n && inFlight.size + confirmed.length === 0) return;
      const chunk = toChunk(rows, routes);
      const found = chunk.changes;
      const isComplete =
        limit > 0 && rows.length < limit && bytesOf(rows) < config.RELAY_MAX_BYTES && chunk.unknown === undefined;
      cursor.take(
        found.map(({ row }) => row),
        isComplete,
      );
      if (through !== undefined) {
        publish(through, found);
        if (startedAt >= sweepAt && room() > 0) publish(through, await sweep());
        if (holds.size > 0) {
          for (const hold of holds.due(idsInFlight(), lane.leaving)) void retry(hold).catch(() => undefined);
        }
      } else {
        // Until a broker answers, the heartbeat goes on.
        producer.start();
      }
      if (chunk.unknown !== undefined && found.length === 0 && inFlight.size === 0 && confirmed.length === 0) {
        hasMetUnknownType = true;
        throw unknownType(chunk.unknown);
      }
      if (
        room() > 0 &&
        (lane.gained.size > 0 ? through !== undefined : limit > 0 && !isComplete && chunk.unknown === undefined)
      )
        continue;
      if (found.length > 0) {
        pollMs = MIN_POLL_MS;
        const isFull = !isComplete && chunk.unknown === undefined;
        if (!isFull) await sleep(Math.max(0, startedAt + waitMs - performance.now()), stop.signal);
      } else if (inFlight.size > 0) {
        // Confirmations come in bursts: a statement for each would cost more than it deletes.
        await sleep(MIN_POLL_MS, stop.signal);
      }
      if (confirmed.length === 0 && retried.length === 0) {
        // One that connects wakes it.
        const retryAt = retryProducer.current() === undefined ? Infinity : holds.nextRetryAt(lane.leaving);
        const nextAt = Math.min(retryAt, lane.lookAt);
        await idle(Math.min(pollMs, HEARTBEAT_MS, Math.max(MIN_POLL_MS, nextAt - performance.now())));
      }
      pollMs = Math.min(pollMs * 2, config.RELAY_POLL_MS);
    }
    while (inFlight.size > 0 && !ended.aborted && performance.now() < drainUntil) {
      woken = false;
      if (confirmed.length > 0) await readNext(0);
      else await idle(drainUntil - performance.now());
    }
    if (confirmed.length > 0 && !ended.aborted) await readNext(0);
    // While nobody else publishes: what is still to be sent must not come behind what the next leader sends.
    if (stopping() && inFlight.size > 0) await giveUpUnanswered();
  };

  /**
   * What Kafka took from a session that had lost its locks may stand behind newer records of the next leader's, and compaction
   * keeps the last one: the newest of each id is published once more. Behind a deletion comes its tombstone, always.
   */
  const publishOvertaken = async (client: Client): Promise<void> => {
    if (late.length === 0 || performance.now() < followUpAt) return;
    const changes = late.splice(0);
    try {
      // Somebody may hold the table for long, for which nothing else waits.
      await client.query(
        `BEGIN; SET LOCAL lock_timeout = ${FOLLOW_UP_LOCK_MS}; SET LOCAL idle_in_transaction_session_timeout = ${SILENCE_MS}`,
      );
      const held: Change[] = [];
      for (const entity of entities) {
        const own = changes.filter((change) => change.entity === entity.name && change.records.at(-1)?.value !== null);
        const versions = own.map(({ row }) => ({ id: row.task_id, version: Number(row.version) }));
        const heldIds = await publishWhatOvertook(client, entity, versions);
        held.push(...own.filter(({ row }) => heldIds.has(row.task_id)));
      }
      await client.query('COMMIT');
      late.push(...held);
    } catch (error) {
      late.push(...changes);
      logger.warn(
        { reason: messageOf(error), rows: changes.length },
        'cannot follow up what was published late: trying again',
      );
      await client.query('ROLLBACK');
    } finally {
      if (late.length > 0) followUpAt = performance.now() + FOLLOW_UP_AGAIN_MS;
    }
  };

  /**
   * Connects. An address may lead to the primary of before again, as on a machine that was cut off with it.
   * @returns where the session is, if that was answered
   * @throws TaskstreamError `database_unavailable` when another was promoted after that
   */
  const beginSession = async (client: Client, onEnd: (error?: Error) => void): Promise<Primary | undefined> => {
    await openSession(client, onEnd);
    const own = await primaryOf(client);
    if (own !== undefined && newest !== undefined && isBehind(own, newest)) {
      const timelines = `timeline ${own.timeline}, and ${newest.timeline} was seen`;
      throw new TaskstreamError('database_unavailable', `this PostgreSQL was primary before a failover (${timelines})`);
    }
    newest = own ?? newest;
    return own;
  };

  /** Sends nothing more. Kafka may have what it was sent: that counts as published late. */
  const giveUpUnanswered = async (): Promise<void> => {
    if (unanswered.size === 0) return;
    // Closing answers for it, with an error.
    late.push(...[...unanswered].map(({ change }) => change));
    await closeProducers();
  };

  /** The last chance of what was published late: nobody remembers it once this process has ended. */
  const publishOvertakenAtLast = async (): Promise<void> => {
    while (unanswered.size > 0 && performance.now() < drainUntil) {
      woken = false;
      await idle(drainUntil - performance.now());
    }
    await giveUpUnanswered();
    if (late.length === 0) return;
    followUpAt = -Infinity;
    const client = createClient(config, 'taskstream-relay');
    try {
      await beginSession(client, () => undefined);
      await publishOvertaken(client);
    } catch (error) {
      logger.warn({ reason: messageOf(error) }, 'cannot follow up what was published late');
    } finally {
      await endSession(client);
    }
    if (late.length > 0) {
      const ids = [...new Set(late.map(({ row }) => row.task_id))];
      logger.error(
        { count: ids.length, ids: ids.slice(0, SHOWN_ROWS) },
        'the topic may end with an older event of these until they change again',
      );
    }
  };

  /** @param count slots that this relay reads now */
  const showSlots = (count: number): void => {
    leader = count > 0;
    metrics.leader.set(leader ? 1 : 0);
    metrics.slots.set(count);
  };

  /** In the background, as it may take seconds. */
  const askBrokers = (through: KafkaProducer): void => {
    const [first] = entities;
    if (first === undefined || isAsking) return;
    isAsking = true;
    askedAt = performance.now();
    void through.reachesBroker(first.topic).then((isReached) => {
      isAsking = false;
      if (isReached) hasReached();
      else misses += 1;
    });
  };

  const hasReached = (): void => {
    misses = 0;
    reachedAt = performance.now();
  };

  /** The client asks the broker that it used last, which may be the only one that stands still: one question says too little. */
  const isCut = (): boolean => misses > 1;

  /** A seat; one more than there are to be, where none of those that have one can publish, and this relay can. */
  const trySeat = async (client: Client): Promise<number | undefined> => {
    const seat = await takeSeat(client, config.RELAY_LANES);
    if (seat !== undefined || config.RELAY_LANES === 1 || hasMetUnknownType) return seat;
    if ((await takenSeats(client)).some(({ isAble }) => isAble)) return undefined;
    const through = producer.current();
    if (through === undefined) producer.start();
    else if (misses === 0 && performance.now() - reachedAt < SILENT_BROKERS_MS) return takeSeat(client, SLOTS);
    else askBrokers(through);
    return undefined;
  };

  /** One database session, from connecting to its end. */
  const runSession = async (): Promise<void> => {
    const client = createClient(config, 'taskstream-relay');
    const openedAt = performance.now();
    const ended = new AbortController();
    try {
      const own = await beginSession(client, (error) => {
        ended.abort(error);
      });
      let seat: number | undefined;
      while (!stopping() && (seat = await trySeat(client)) === undefined) {
        await publishOvertaken(client);
        await sleep(LOOK_MS, stop.signal);
      }
      if (stopping() || seat === undefined) return;
      logger.info({ seat }, 'this relay is active');
      const onMoved = (later: Primary): void => {
        newest = later;
        logger.warn('another PostgreSQL is primary now: leaving the session with the old one');
      };
      // It fails with the session, of whose end others are told.
      leaveOldPrimary(client, { config, own, openedAt, ended: ended.signal, onMoved }).catch(() => undefined);
      await lead(client, seat, ended.signal);
    } finally {
      showSlots(0);
      metrics.held.reset();
      ended.abort();
      await endSession(client);
    }
  };

  const run = async (): Promise<void> => {
    let failures = 0;
    while (!stopping()) {
      const startedAt = performance.now();
      try {
        await runSession();
      } catch (error) {
        // A session that worked for a while was no failure to connect: start counting anew.
        failures = performance.now() - startedAt > 30_000 ? 1 : failures + 1;
        for (const { name } of entities) metrics.failures.inc({ entity: name });
        if (!stopping()) logger.warn({ reason: messageOf(error), failures }, 'relay session ended: trying again');
      }
      if (!stopping()) await sleep(backoffMs(failures, { baseMs: 100, maxMs: 5_000 }), stop.signal);
    }
    await publishOvertakenAtLast();
  };

  showSlots(0);
  for (const { name } of entities) {
    metrics.published.inc({ entity: name }, 0);
    metrics.failures.inc({ entity: name }, 0);
    metrics.refused.inc({ entity: name }, 0);
  }
  const finished = run();
  return {
    wake,
    isLeader: () => leader,
    close: async () => {
      drainUntil = performance.now() + DRAIN_MS;
      stop.abort(new TaskstreamError('stopped', 'the relay stops'));
      wake();
      await withDeadline(finished, CLOSE_DEADLINE_MS, 'the chunk in flight').catch((error: unknown) => {
        logger.warn({ reason: messageOf(error) }, 'rows stay in the outbox for the next relay');
      });
      await closeProducers();
    },
  };
};

/** Something that is created when that is first asked for, and again when it failed. */
const once = <T>(create: () => Promise<T>) => {
  let isCreating = false;
  let created: T | undefined;
  return {
    /** What is there now. */
    current: (): T | undefined => created,
    start: (): void => {
      if (isCreating || created !== undefined) return;
      isCreating = true;
      create()
        .then((value) => (created = value))
        .catch(() => undefined)
        .finally(() => (isCreating = false));
    },
  };
};

/**
 * Only a newer version writes what this one does not know: the session ends, and with it its slots go to whoever comes
 * first. Passing the row over would bring later changes of its task before it.
 */
const unknownType = ({ id, type }: OutboxRow): TaskstreamError =>
  new TaskstreamError('internal', `outbox row ${id} has the type "${type}", which a newer version of the API may know`);

const bytesOf = (rows: readonly OutboxRow[]): number =>
  rows.reduce((sum, { task }) => sum + Buffer.byteLength(task), 0);

/** Read one by one: a chunk has more rows than a span takes links. */
const rowsOf = function* (changes: readonly Change[]): Iterable<OutboxRow> {
  for (const { row } of changes) yield row;
};
