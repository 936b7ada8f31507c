/**
 * The relay: outbox → Kafka. It runs in every API replica, one active at a time.
 * Rows are read in outbox order, published, and deleted once the broker confirmed them. A crash at any point leads to
 * an event published twice, never to one that is lost.
 */
import type { Tracer } from '@opentelemetry/api';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import type { KafkaConfig } from '../../platform/kafka/settings.ts';
import type { Logger } from '../../platform/logger.ts';
import { createClient, type PostgresConfig } from '../../platform/postgres.ts';
import { createProducer, type KafkaProducer } from '../../platform/kafka/producer.ts';
import type { PlacedEntity } from '../entity.ts';
import { MAX_EVENT_BYTES } from '../topics.ts';
import { contextFrom, linksTo } from '../../platform/telemetry.ts';
import { backoffMs, sleep, withDeadline } from '../../platform/time.ts';
import type { RelayMetrics } from './metrics.ts';
import { routesOf, toChunk, type Change, type Chunk, type OutboxRow } from './records.ts';
import { advance, openSession, tryLock } from './session.ts';

export interface Relay {
  /** Says that a row was committed by this process, so that it need not wait for the next poll. */
  readonly wake: () => void;
  readonly isLeader: () => boolean;
  /** Finishes the chunk in flight, deletes what was confirmed, and gives the lock away. */
  readonly close: () => Promise<void>;
}

export interface RelayOptions {
  readonly config: PostgresConfig &
    KafkaConfig & {
      readonly RELAY_BATCH_SIZE: number;
      readonly RELAY_LINGER_MS: number;
      readonly RELAY_POLL_MS: number;
    };
  /** The rows of all of them share the outbox; each goes to the topic it names, or to that of its type's entity. */
  readonly entities: readonly PlacedEntity[];
  readonly logger: Logger;
  readonly metrics: RelayMetrics;
  readonly tracer: Tracer;
}

/** How often a replica asks whether it can take over. */
const TAKEOVER_POLL_MS = 500;
/** Shortest wait for rows of other replicas; it doubles up to RELAY_POLL_MS while nothing comes. */
const MIN_POLL_MS = 5;
/** A record that the broker did not confirm within this time is read from the outbox again. */
const DELIVERY_TIMEOUT_MS = 30_000;
/** Time the chunk in flight gets when the process stops; its rows stay in the outbox otherwise. */
const CLOSE_DEADLINE_MS = 5_000;
/** Time the Kafka client gets to close after that, with its broker away or not. */
const DISCONNECT_DEADLINE_MS = 1_500;

const NOTHING: Chunk = { changes: [] };

/**
 * Starts in the background; PostgreSQL and Kafka may come up later.
 * @throws TaskstreamError `internal` when two entities share an event type
 */
export const startRelay = (options: RelayOptions): Relay => {
  const { config, entities, metrics, tracer } = options;
  const logger = options.logger.child({ part: 'relay' });
  const routes = routesOf(entities);
  const stop = new AbortController();
  let leader = false;
  let producer: KafkaProducer | undefined;
  let signalWake: () => void = () => undefined;
  let woken = false;

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

  const connectedProducer = async (): Promise<KafkaProducer> => {
    producer ??= await createProducer(
      config,
      {
        clientId: 'taskstream-relay',
        logger,
        deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
        maxMessageBytes: MAX_EVENT_BYTES,
      },
      stop.signal,
    );
    return producer;
  };

  /** Produces the records of each topic in outbox order; returns why a change has failed, for each that has. */
  const produce = async (changes: readonly Change[]): Promise<ReadonlyMap<Change, Error>> => {
    const connected = await connectedProducer();
    const failures = new Map<Change, Error>();
    await Promise.all(
      [...new Set(changes.map(({ topic }) => topic))].map(async (topic) => {
        const ofTopic = changes.filter((change) => change.topic === topic);
        const owners = ofTopic.flatMap((change) => change.records.map(() => change));
        const deliveries = await connected.send(
          topic,
          ofTopic.flatMap(({ records }) => records),
        );
        for (const [position, change] of owners.entries()) {
          const error = deliveries[position];
          if (error !== undefined) failures.set(change, error);
        }
      }),
    );
    return failures;
  };

  /** Publishes a chunk; returns the ids of the rows that need not be sent again. */
  const publish = async ({ changes }: Chunk): Promise<string[]> => {
    const span = tracer.startSpan(
      'outbox publish',
      { links: linksTo(traceparentsOf(changes)) },
      contextFrom(undefined),
    );
    const endTimer = metrics.chunkDuration.startTimer();
    const failures = await produce(changes);
    endTimer();
    span.setAttribute('messaging.batch.message_count', changes.length);
    span.end();
    metrics.chunkEvents.observe(changes.length);
    const failure = changes.findIndex((change) => failures.has(change));
    // Only what stands before the first failure counts. A later row may be of the same id: published again after the
    // failed one it keeps its place, left out it would have been overtaken.
    const confirmed = failure === -1 ? changes : changes.slice(0, failure);
    for (const { entity } of confirmed) metrics.published.inc({ entity });
    for (const entity of new Set([...failures.keys()].map((change) => change.entity))) metrics.failures.inc({ entity });
    const failed = changes[failure];
    if (failed !== undefined) {
      logger.warn({ err: failures.get(failed) }, 'Kafka did not confirm: the rows stay in the outbox');
    }
    return confirmed.map(({ row }) => row.id);
  };

  /**
   * Publishes while this session holds the lock. Behind a full chunk more is waiting: it is read, and its records made,
   * while the broker confirms that one. Behind another one, rows have time to gather (RELAY_LINGER_MS): a chunk of a few
   * costs as much as one of many.
   */
  const lead = async (client: ReturnType<typeof createClient>, ended: AbortSignal): Promise<void> => {
    let confirmed: string[] = [];
    let chunk = NOTHING;
    let pollMs = MIN_POLL_MS;
    let failures = 0;
    const active = (): boolean => !stopping() && !ended.aborted;
    while (active()) {
      if (chunk.changes.length === 0) {
        woken = false;
        chunk = toChunk(await advance(client, confirmed, [], config.RELAY_BATCH_SIZE), routes);
        confirmed = [];
        if (chunk.changes.length === 0) {
          if (chunk.unknown !== undefined) throw unknownType(chunk.unknown);
          await idle(pollMs);
          pollMs = Math.min(pollMs * 2, config.RELAY_POLL_MS);
        }
        continue;
      }
      pollMs = MIN_POLL_MS;
      const startedAt = performance.now();
      const inFlight = chunk.changes.map(({ row }) => row.id);
      const isFull = inFlight.length === config.RELAY_BATCH_SIZE;
      const published = publish(chunk);
      const [next, done] = await Promise.all([
        isFull
          ? advance(client, confirmed, inFlight, config.RELAY_BATCH_SIZE).then((rows) => toChunk(rows, routes))
          : NOTHING,
        published,
      ]);
      const complete = done.length === inFlight.length;
      confirmed = isFull ? done : [...confirmed, ...done];
      // Nothing may be sent ahead of a row that failed: read again from the oldest. So it is behind an unknown row, which
      // is found again once what stands before it is deleted.
      chunk = complete ? next : NOTHING;
      failures = complete ? 0 : failures + 1;
      const lingerMs = isFull ? 0 : Math.max(0, startedAt + config.RELAY_LINGER_MS - performance.now());
      const waitMs = complete ? lingerMs : backoffMs(failures, { baseMs: 200, maxMs: 5_000 });
      if (waitMs > 0) await sleep(waitMs, stop.signal);
    }
    if (confirmed.length > 0 && !ended.aborted) await advance(client, confirmed, [], 0);
  };

  /** One database session, from connecting to its end. */
  const runSession = async (): Promise<void> => {
    const client = createClient(config, 'taskstream-relay');
    const ended = new AbortController();
    try {
      await openSession(client, (error) => {
        ended.abort(error);
      });
      while (!stopping() && !(await tryLock(client))) await sleep(TAKEOVER_POLL_MS, stop.signal);
      if (stopping()) return;
      leader = true;
      metrics.leader.set(1);
      logger.info('this relay is the active one');
      await lead(client, ended.signal);
    } finally {
      leader = false;
      metrics.leader.set(0);
      // The session may hang in a dead network; the process must not.
      await withDeadline(client.end(), 1_000, 'closing the relay session').catch(() => undefined);
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
  };

  metrics.leader.set(0);
  for (const { name } of entities) {
    metrics.published.inc({ entity: name }, 0);
    metrics.failures.inc({ entity: name }, 0);
  }
  const finished = run();
  return {
    wake,
    isLeader: () => leader,
    close: async () => {
      stop.abort(new TaskstreamError('stopped', 'the relay stops'));
      wake();
      await withDeadline(finished, CLOSE_DEADLINE_MS, 'the chunk in flight').catch((error: unknown) => {
        logger.warn({ reason: messageOf(error) }, 'rows stay in the outbox for the next relay');
      });
      // Nothing is lost with it: what it has not confirmed is in the outbox.
      if (producer === undefined) return;
      await withDeadline(producer.disconnect(0), DISCONNECT_DEADLINE_MS, 'closing the producer').catch(
        (error: unknown) => {
          logger.warn({ reason: messageOf(error) }, 'the Kafka client is left to the end of the process');
        },
      );
    },
  };
};

/**
 * Only a newer version writes what this one does not know: the session ends, and with it the lock goes to whoever comes
 * first. Passing the row over would bring later changes of its task before it.
 */
const unknownType = ({ id, type }: OutboxRow): TaskstreamError =>
  new TaskstreamError('internal', `outbox row ${id} has the type "${type}", which a newer version of the API may know`);

/** Read one by one: a chunk has more rows than a span takes links. */
const traceparentsOf = function* (changes: readonly Change[]): Iterable<string | null> {
  for (const { row } of changes) yield row.traceparent;
};
