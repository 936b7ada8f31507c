/**
 * The console: `/console`, a page on the public HTTP API, and the streams that show it the pipeline.
 * It samples the pipeline only while a browser watches; its connections to Kafka are closed when nobody has for a while.
 */
import type { Client } from '@elastic/elasticsearch';
import type { Context, Hono, MiddlewareHandler } from 'hono';
import type { Pool } from 'pg';
import { z } from 'zod';
import { TaskstreamError } from '../../platform/errors.ts';
import type { PlacedEntity } from '../../pipeline/entity.ts';
import type { KafkaConfig } from '../../platform/kafka/settings.ts';
import type { Logger } from '../../platform/logger.ts';
import type { PostgresConfig } from '../../platform/postgres.ts';
import type { ApiEnv } from '../../platform/http/api-env.ts';
import { clientNetwork } from '../../platform/http/middleware/client-address.ts';
import { parseBody, parsePath, parseQuery } from '../../platform/http/input.ts';
import type { RequestCounts } from '../../platform/http/metrics.ts';
import { idPath } from '../../pipeline/rest/resource.ts';
import { createDeadLetters } from './dead-letters.ts';
import { createFeed, type News } from './feed.ts';
import { createIndexReader } from './index-reader.ts';
import { followJourney } from './journey.ts';
import { createKafkaWatch } from './kafka-watch.ts';
import type { ConsoleLogin } from './login.ts';
import { addPage } from './page.ts';
import { createProbe } from './probe.ts';
import { contentOf, readRecord } from './record-content.ts';
import { createRecordFinder } from './record-finder.ts';
import { runSampler } from './sampler.ts';
import { createStreams, type EventStream } from './streams.ts';
import { createTopicReading } from './topic-reading.ts';

export interface Console {
  /** Adds the page and its streams to the app. */
  readonly addTo: (app: Hono<ApiEnv>) => void;
  /** Ends all streams, at once. */
  readonly endStreams: () => void;
  /** Closes what is still open. */
  readonly close: () => Promise<void>;
}

export interface ConsoleOptions {
  readonly config: KafkaConfig & PostgresConfig & { readonly TRUST_PROXY: number };
  readonly task: PlacedEntity;
  readonly pool: Pool;
  readonly elasticsearch: Client;
  readonly requestCounts: () => Promise<RequestCounts>;
  /** Where only some may see it. */
  readonly login?: ConsoleLogin | undefined;
  readonly logger: Logger;
}

const SAMPLE_MS = 1_000;
/** Bound on one question to a server. */
const QUESTION_MS = 1_500;
/** Bound on one answer of a server, which may take several questions. */
const SAMPLE_TIMEOUT_MS = 4_000;
const MAX_STREAMS = 50;
/** A browser opens no more than six connections to a server that speaks HTTP/1.1. */
const MAX_STREAMS_PER_CLIENT = 12;
const HEARTBEAT_MS = 10_000;
/** A page that is loaded again should find the connections open. */
const IDLE_MS = 30_000;
/** A journey that takes longer is followed again, from where it is by then. */
const JOURNEY_MS = 60_000;

const journeyQuery = z.strictObject({
  version: z
    .string({ error: 'must be given once' })
    .regex(/^[1-9]\d{0,14}$/, { error: 'must be a version' })
    .transform(Number),
  deleted: z.enum(['true', 'false'], { error: 'must be true or false' }).default('false'),
});

const place = z.object({
  partition: z
    .string()
    .regex(/^\d{1,6}$/, { error: 'must be a partition' })
    .transform(Number),
  offset: z
    .string()
    .regex(/^\d{1,15}$/, { error: 'must be an offset' })
    .transform(Number),
});

/** JSON, though it says nothing: no form of another site can send it without being asked first. */
const nothing = z.strictObject({});

export const createConsole = (options: ConsoleOptions): Console => {
  const { config, task, pool } = options;
  const logger = options.logger.child({ part: 'console' });
  const streams = createStreams({
    most: MAX_STREAMS,
    mostPerClient: MAX_STREAMS_PER_CLIENT,
    heartbeatMs: HEARTBEAT_MS,
  });
  const kafka = createKafkaWatch({ config, task, timeoutMs: QUESTION_MS, logger });
  const records = createRecordFinder({ config, task, watch: kafka, logger });
  const index = createIndexReader({ client: options.elasticsearch, alias: task.alias, timeoutMs: QUESTION_MS });
  const reading = createTopicReading({ config, group: task.group, logger });
  const deadLetters = createDeadLetters({ config, entity: task, pool, reading, logger });
  /** Each with the number of changes that it was too slow to be told of. */
  const watchers = new Map<EventStream, number>();
  const tellNews = ({ changes, more }: News): void => {
    for (const [stream, missed] of watchers) {
      const keepsUp = stream.keepsUp();
      watchers.set(stream, keepsUp ? 0 : missed + changes.length + more);
      if (keepsUp) stream.send('news', { changes, more: more + missed } satisfies News);
    }
  };
  const feed = createFeed({
    ...{ config, entity: task, watch: kafka, logger, onNews: tellNews },
    onFollowing: () => {
      for (const stream of watchers.keys()) stream.send('following', {});
    },
  });
  let sampling: AbortController | undefined;
  /** The last run of those that look, which may outlive the last watcher by a moment. */
  let looked: Promise<unknown> = Promise.resolve();
  let users = 0;
  let idleTimer: NodeJS.Timeout | undefined;

  const closeConnections = async (): Promise<void> => {
    clearTimeout(idleTimer);
    await Promise.all([feed.close(), records.close(), kafka.close()]);
  };

  /** Opens a stream, and closes the connections to Kafka a while after the last one has ended. */
  const openStream = (c: Context<ApiEnv>): EventStream => {
    // Nobody would read it, or end it.
    if (c.req.method === 'HEAD') throw new TaskstreamError('method_not_allowed', `${c.req.path} takes GET.`);
    const session = c.get('session');
    // Whoever has logged in is a client of their own, wherever they are.
    const stream = streams.open(
      session === undefined ? clientNetwork(c, config.TRUST_PROXY) : `caller ${session.caller.subject}`,
    );
    endWithSession(stream, session?.endsAt);
    users += 1;
    clearTimeout(idleTimer);
    stream.signal.addEventListener('abort', () => {
      users -= 1;
      if (users > 0) return;
      idleTimer = setTimeout(() => {
        closeConnections().catch((error: unknown) => {
          logger.warn({ err: error }, 'could not close the connections to Kafka');
        });
      }, IDLE_MS);
      idleTimer.unref();
    });
    return stream;
  };

  const startSampling = (): void => {
    if (sampling !== undefined) return;
    const stop = new AbortController();
    const sampled = runSampler(
      {
        ...{ pool, kafka, index, logger, requestCounts: options.requestCounts },
        ...{ probe: createProbe({ pool, index }), intervalMs: SAMPLE_MS, timeoutMs: SAMPLE_TIMEOUT_MS },
      },
      (sample) => {
        for (const [stream, missed] of watchers) {
          stream.send('sample', sample);
          // After a burst nothing else may come that could tell of it.
          if (missed > 0 && stream.keepsUp()) {
            watchers.set(stream, 0);
            stream.send('news', { changes: [], more: missed } satisfies News);
          }
        }
      },
      stop.signal,
    ).catch((error: unknown) => {
      logger.error({ err: error }, 'the console stopped looking');
    });
    sampling = stop;
    looked = Promise.all([looked, sampled, feed.run(stop.signal)]);
  };

  const watch = (c: Context<ApiEnv>): Response => {
    const stream = openStream(c);
    watchers.set(stream, 0);
    // Otherwise it is told once the feed follows.
    if (feed.isFollowing()) stream.send('following', {});
    stream.signal.addEventListener('abort', () => {
      watchers.delete(stream);
      if (watchers.size > 0) return;
      sampling?.abort();
      sampling = undefined;
    });
    startSampling();
    return stream.response;
  };

  const journey = (c: Context<ApiEnv>): Response => {
    const { id } = parsePath(c, idPath);
    const { version, deleted } = parseQuery(c, journeyQuery);
    const stream = openStream(c);
    void followJourney(
      { pool, index, records },
      { id, version, deleted: deleted === 'true' },
      (stage) => {
        stream.send('stage', stage);
      },
      AbortSignal.any([stream.signal, AbortSignal.timeout(JOURNEY_MS)]),
    ).finally(() => {
      // The browser decides whether it asks again, as it would after a cut.
      stream.send('paused', {});
      stream.end();
    });
    return stream.response;
  };

  type Handle = (c: Context<ApiEnv>) => Response | Promise<Response>;

  const content =
    (topic: string): Handle =>
    async (c) => {
      const at = parsePath(c, place);
      const message = await reading.read((reader, signal) => readRecord(reader, topic, at, signal));
      return notStored(c).json(contentOf(message));
    };

  const settle =
    (how: 'replay' | 'discard'): Handle =>
    async (c) => {
      const at = parsePath(c, place);
      await parseBody(c, nothing);
      return notStored(c).json(
        await deadLetters[how](
          at,
          `console, ${c.get('session')?.caller.subject ?? clientNetwork(c, config.TRUST_PROXY)}`,
        ),
      );
    };

  return {
    addTo: (app) => {
      const { login } = options;
      login?.addTo(app);
      addPage(app, ...(login === undefined ? [] : [login.leadToLogin]));
      const asks = [sameOriginOnly, ...(login === undefined ? [] : [login.refuseOthers])];
      const add = (method: 'GET' | 'POST', path: string, handle: Handle): void => {
        for (const ask of asks) app.on(method, path, ask);
        app.on(method, path, (c) => {
          c.set('route', path);
          return handle(c);
        });
      };
      add('GET', '/console/events', watch);
      add('GET', '/console/journeys/:id', journey);
      add('GET', '/console/records/:partition/:offset', content(task.topic));
      add('GET', '/console/dead-letters', async (c) => notStored(c).json(await deadLetters.list()));
      add('GET', '/console/dead-letters/:partition/:offset', content(task.deadLetterTopic));
      for (const how of ['replay', 'discard'] as const) {
        add('POST', `/console/dead-letters/:partition/:offset/${how}`, settle(how));
      }
      if (login !== undefined) add('GET', '/console/session', (c) => c.body(null, 204));
    },
    endStreams: streams.endAll,
    close: async () => {
      streams.endAll();
      await looked;
      await Promise.all([closeConnections(), reading.close()]);
    },
  };
};

/** What a session shows ends with it. */
const endWithSession = (stream: EventStream, endsAt: number | undefined): void => {
  if (endsAt === undefined) return;
  // eslint-disable-next-line no-restricted-syntax -- the end is a date
  const leftMs = Math.max(0, endsAt * 1_000 - Date.now());
  const timer = setTimeout(() => {
    stream.send('session-ended', {});
    stream.end();
  }, leftMs);
  timer.unref();
  stream.signal.addEventListener('abort', () => {
    clearTimeout(timer);
  });
};

const notStored = (c: Context<ApiEnv>): Context<ApiEnv> => {
  c.header('cache-control', 'no-store');
  return c;
};

/** Another site's page could not read the streams, but it could use them up. */
const sameOriginOnly: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const site = c.req.header('sec-fetch-site');
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw new TaskstreamError('foreign_origin', 'Only the console itself may ask this.');
  }
  await next();
};
