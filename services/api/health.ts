/** When the API takes requests. */
import type { Client } from '@elastic/elasticsearch';
import type { Pool } from 'pg';
import { withPart } from '../platform/elasticsearch-answer.ts';
import { messageOf, TaskstreamError } from '../platform/errors.ts';
import type { HealthCheck } from '../platform/http/health.ts';
import { withDeadline } from '../platform/time.ts';

export interface ReadinessOptions {
  readonly pool: Pool;
  /** Which migrations of this version the database lacks. */
  readonly missing: () => Promise<readonly string[]>;
  readonly elasticsearch: Client;
  /** Alias that tasks are searched in. */
  readonly alias: string;
  /** Asks a search as clients do, for what the first one waits for, again and again until it is answered, so long at most. */
  readonly warmUp: (forMs: number) => Promise<void>;
  readonly isStopping: () => boolean;
}

/** Bound on one question, below the bound on a check: a server that hangs must not hide that the other one answers. */
const QUESTION_MS = 1_500;

/** Bound on the warm-up: a slow search is better than none. */
const WARM_UP_MS = 10_000;
/** So long a question waits for its end: a warm server is done by then. */
const WARM_UP_WAIT_MS = 300;

/**
 * A process becomes ready when it is complete: PostgreSQL answers with the schema, and Elasticsearch with the index, which
 * has answered a search as clients ask it, or has had time for it: the first one after a start takes seconds.
 * From then on it stays ready as long as one of them does: tasks can be searched without the one and written without
 * the other, and what cannot be done is answered with 503. Kafka does not count: the outbox keeps what is published.
 */
export const readinessChecks = ({
  pool,
  missing,
  elasticsearch,
  alias,
  warmUp,
  isStopping,
}: ReadinessOptions): readonly HealthCheck[] => {
  let wasComplete = false;
  let warmth: Promise<void> | undefined;
  /** Whatever comes of it: what is wrong is for searches to tell. */
  const beWarm = (): Promise<void> =>
    (warmth ??= withDeadline(warmUp(WARM_UP_MS), WARM_UP_MS, 'the warm-up').catch(() => undefined));
  const faultOf = async (server: string, question: Promise<unknown>): Promise<string | undefined> => {
    try {
      await withDeadline(question, QUESTION_MS, 'the answer');
      return undefined;
    } catch (error) {
      return `${server}: ${messageOf(error)}`;
    }
  };
  return [
    {
      name: 'running',
      check: () => {
        if (isStopping()) throw new TaskstreamError('stopped', 'the process is stopping');
      },
    },
    {
      name: 'servers',
      check: async () => {
        const answers = await Promise.all([
          faultOf('postgres', askDatabase(pool, missing)),
          faultOf('elasticsearch', askIndex(elasticsearch, alias)),
        ]);
        const faults = answers.filter((fault) => fault !== undefined);
        if (!wasComplete && faults.length === 0) {
          await withDeadline(beWarm(), WARM_UP_WAIT_MS, 'the first search, which warms up Elasticsearch,');
          wasComplete = true;
        }
        if (faults.length === answers.length || !wasComplete) throw new Error(faults.join('; '));
      },
    },
  ];
};

/** A database that lacks a migration cannot serve this version, however well it answers. */
const askDatabase = async (pool: Pool, missing: () => Promise<readonly string[]>): Promise<void> => {
  await pool.query('SELECT');
  const names = await missing();
  if (names.length > 0) {
    throw new TaskstreamError(
      'database_unavailable',
      `it lacks the migration ${names.join(', ')}: run ops migrate of this version`,
    );
  }
};

/** A search, and no question about the alias: the API may do nothing else. */
const askIndex = async (elasticsearch: Client, alias: string): Promise<void> => {
  const question = { index: alias, size: 0, track_total_hits: false };
  withPart(await elasticsearch.search(question, { requestTimeout: QUESTION_MS }), 'hits');
};
