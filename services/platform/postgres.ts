/** PostgreSQL: its configuration, and the one place that makes connections. */
import type { Client, ClientBase, ClientConfig, QueryResultRow } from 'pg';
import { watchAuthority } from './certificates.ts';
import { choice, integer, optionalText, url, type EnvSpec, type EnvValues } from './env.ts';
import { messageOf, TaskstreamError } from './errors.ts';
import type { Logger } from './logger.ts';
import { CheckedClient } from './postgres-answer.ts';
import { claimConnecting, claimErrors } from './postgres-outage.ts';
import { SlotPool, type Session, type Work } from './postgres-slots.ts';

/** Parameters that the driver would take from a URL, in place of what is set here. */
const SET_HERE = /^(ssl.*|uselibpqcompat|statement_timeout|query_timeout|application_name)$/;

const setHere = (text: unknown): readonly string[] =>
  typeof text === 'string' && URL.canParse(text)
    ? [...new URL(text).searchParams.keys()].filter((name) => SET_HERE.test(name))
    : [];

export const postgresEnv = {
  DATABASE_URL: {
    schema: url(['postgres:', 'postgresql:']).refine((value) => setHere(value).length === 0, {
      error: ({ input }) =>
        `must not have the parameter ${setHere(input).join(', ')}, which would win over a setting: TLS is set by DATABASE_TLS and DATABASE_CA_FILE, the time of a statement by DATABASE_STATEMENT_TIMEOUT_MS`,
    }),
    description:
      'PostgreSQL connection URL, `postgresql://user:password@host:port/database`, without `sslmode` and its like (see `DATABASE_TLS`); of PostgreSQL itself, not of a pooler such as PgBouncer.',
    secret: true,
  },
  DATABASE_POOL_SIZE: {
    schema: integer(12, { min: 2, max: 200 }),
    defaultText: '12',
    description:
      'Most connections a process opens for what it is asked. An API keeps half of them for writes and half for reads, and opens up to four more: one for the relay, one for the question of an active relay, and one for each half that asks what PostgreSQL still does when it does not answer.',
  },
  DATABASE_STATEMENT_TIMEOUT_MS: {
    schema: integer(10_000, { min: 100, max: 600_000 }),
    defaultText: '10000',
    description: 'Bound on one SQL statement, in milliseconds.',
  },
  DATABASE_TLS: {
    schema: choice(['disable', 'require', 'verify-full'], 'disable'),
    defaultText: 'disable',
    description:
      'TLS to PostgreSQL: none, encrypted without a check of the server, or encrypted with certificate and name checked.',
  },
  DATABASE_CA_FILE: {
    schema: optionalText(),
    description:
      "PEM file with the CA of PostgreSQL's certificate, or a folder, whose files `*.crt` are all trusted; read again for each new connection. The system's CAs when unset.",
  },
} as const satisfies EnvSpec;

export type PostgresConfig = EnvValues<typeof postgresEnv>;

/** No transaction of ours waits for anything but PostgreSQL. */
const IDLE_IN_TRANSACTION_MS = 30_000;

const CONNECT_TIMEOUT_MS = 5_000;

/** The driver reads these for each connection that it opens: a renewed CA counts from the next one on. */
const tlsOptions = ({ DATABASE_TLS, DATABASE_CA_FILE }: PostgresConfig): Pick<ClientConfig, 'ssl'> => {
  if (DATABASE_TLS === 'disable') return {};
  const rejectUnauthorized = DATABASE_TLS === 'verify-full';
  if (DATABASE_CA_FILE === undefined) return { ssl: { rejectUnauthorized } };
  const authority = watchAuthority(DATABASE_CA_FILE);
  return {
    ssl: {
      rejectUnauthorized,
      get ca() {
        return authority();
      },
    },
  };
};

/** What a connection is made of, asked for each: the address with its login may be renewed too. */
const clientConfigs = (config: PostgresConfig, applicationName: string): (() => ClientConfig) => {
  const tls = tlsOptions(config);
  return () => ({
    connectionString: config.DATABASE_URL,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: config.DATABASE_STATEMENT_TIMEOUT_MS,
    // The server's own timeout cannot fire when the network is cut: the client gives up a little later.
    query_timeout: config.DATABASE_STATEMENT_TIMEOUT_MS + 2_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...tls,
  });
};

/**
 * A session keeps the plans of its statements. One that was made while a table was empty scans it for ever after, and
 * planning each statement anew costs twice the CPU (docs/performance.md). So no plan may scan where an index serves.
 * Just-in-time compilation would take the price of a scan that cannot be avoided for a long query.
 *
 * A transaction that its client forgot keeps locks, and dead rows from being vacuumed. A session whose client's machine is
 * gone keeps its locks and its place among the server's connections: the server finds out within 25 s, its default is hours.
 *
 * Statements here wait for locks and then look at the newest version of a row (`services/pipeline/write/change.ts`). At any
 * other level, which an administrator may have given the role or the database, PostgreSQL refuses them instead.
 */
const SESSION = {
  default_transaction_isolation: 'read committed',
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  jit: 'off',
  idle_in_transaction_session_timeout: String(IDLE_IN_TRANSACTION_MS),
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '3',
};

/**
 * Sets up a session, and ends one that is none of PostgreSQL's own.
 *
 * A pooler gives each transaction another session, and ours have a state: the statement timeout, prepared statements,
 * locks. PgBouncer either refuses the timeout when we connect or, where it is told to ignore it, lets it go missing.
 * @throws TaskstreamError `database_unavailable` when a pooler answered in PostgreSQL's place
 */
const beginSession = async (client: ClientBase): Promise<Session> => {
  const { rows } = await client.query<{ source: string; pid: number; started_at: string }>(
    `SELECT source, session.pid, ${STARTED_AT} AS started_at, ${Object.entries(SESSION)
      .map(([name, value]) => `set_config('${name}', '${value}', false)`)
      .join(', ')}
     FROM pg_settings, pg_stat_get_activity(pg_backend_pid()) AS session WHERE pg_settings.name = 'statement_timeout'`,
  );
  const [row] = rows;
  if (row?.source !== 'client') throw poolerRefused();
  return { pid: row.pid, startedAt: row.started_at };
};

const STARTED_AT = 'extract(epoch FROM session.backend_start)::text';
/** Bound on the statement of a question. */
const ASK_TIMEOUT_MS = 3_000;

/** One statement over a connection of its own, which goes to whichever server the address leads to now, as after a failover. */
export const askAnew = async <T extends QueryResultRow>(
  config: PostgresConfig,
  applicationName: string,
  statement: string,
  values: readonly unknown[] = [],
): Promise<T[]> => {
  const client = createClient({ ...config, DATABASE_STATEMENT_TIMEOUT_MS: ASK_TIMEOUT_MS }, applicationName);
  await client.connect();
  try {
    return (await client.query<T>(statement, [...values])).rows;
  } finally {
    void client.end().catch(() => undefined);
  }
};

/**
 * Which of the sessions still work. Another server knows none of them. One that waits for its client has done its work.
 * Source: PostgreSQL documentation, 27.2.3 `pg_stat_activity`; a session shows what it waits for to its own user.
 */
const askWhatWorks = async (
  config: PostgresConfig,
  applicationName: string,
  sessions: readonly Session[],
): Promise<ReadonlyMap<number, Work>> => {
  const rows = await askAnew<{ pid: number; waits: boolean }>(
    config,
    `${applicationName}-slots`,
    `SELECT session.pid, session.wait_event IS NOT DISTINCT FROM 'SyncRep' AS waits
     FROM json_to_recordset($1) AS asked(pid int, "startedAt" text), pg_stat_get_activity(asked.pid) AS session
     WHERE ${STARTED_AT} = asked."startedAt" AND (
       session.wait_event = 'SyncRep' OR (session.state = 'active' AND session.wait_event_type IS DISTINCT FROM 'Client')
     )`,
    [JSON.stringify(sessions)],
  );
  return new Map(rows.map(({ pid, waits }) => [pid, waits ? 'waits for a standby' : 'works']));
};

const poolerRefused = (cause?: unknown): TaskstreamError =>
  new TaskstreamError(
    'database_unavailable',
    'DATABASE_URL leads to a connection pooler (such as PgBouncer), which drops the settings of a session. Let it lead to PostgreSQL itself.',
    { cause },
  );

/** A connection that ends where a pooler answers. */
class DirectClient extends CheckedClient {
  override async connect(): Promise<this> {
    try {
      await super.connect();
      await beginSession(this);
    } catch (error) {
      // A caller has no connection to close where connecting failed.
      void this.end().catch(() => undefined);
      if (/unsupported startup parameter/.test(messageOf(error))) throw poolerRefused(error);
      throw error;
    }
    return this;
  }
}

/** A pool of connections; they are opened when first needed, so a database that is down does not fail this call. */
export const createPool = (config: PostgresConfig, applicationName: string, logger: Logger): SlotPool =>
  poolOf(config, { applicationName, max: config.DATABASE_POOL_SIZE, isForWrites: false }, logger);

export interface Pools {
  /** For statements that change nothing: they never wait for a standby. */
  readonly reads: SlotPool;
  /** For all others. While a commit waits for a synchronous standby that is away it takes no further one. */
  readonly writes: SlotPool;
}

/** Two pools that share `DATABASE_POOL_SIZE`: writes that wait for a standby leave reads their connections. */
export const createPools = (config: PostgresConfig, applicationName: string, logger: Logger): Pools => {
  const max = Math.floor(config.DATABASE_POOL_SIZE / 2);
  return {
    reads: poolOf(config, { applicationName, max, isForWrites: false }, logger),
    writes: poolOf(config, { applicationName, max: config.DATABASE_POOL_SIZE - max, isForWrites: true }, logger),
  };
};

interface PoolSettings {
  readonly applicationName: string;
  readonly max: number;
  readonly isForWrites: boolean;
}

const poolOf = (config: PostgresConfig, { applicationName, max, isForWrites }: PoolSettings, logger: Logger) => {
  const sessions = new WeakMap<ClientBase, Session>();
  const configOf = clientConfigs(config, applicationName);
  const pool = new SlotPool(
    {
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      // The pool has a copy of its settings, made when it was.
      Client: class extends CheckedClient {
        constructor() {
          super(configOf());
        }
      },
      max,
      verify: (client, done) => {
        beginSession(client).then((session) => {
          sessions.set(client, session);
          done();
        }, done);
      },
    },
    {
      sessionOf: (client) => sessions.get(client),
      ask: (asked) => askWhatWorks(config, applicationName, asked),
      refusesWhileCommitsWait: isForWrites,
      logger,
    },
  );
  claimConnecting(pool);
  claimErrors(pool, 'connect', 'query');
  pool.on('connect', (client) => {
    // While the session begins, neither the pool nor a caller listens: a connection that breaks just then would end the
    // process. Whoever asked for it is told by its statement.
    client.on('error', () => undefined);
    claimErrors(client, 'query');
  });
  // An idle connection that breaks is replaced on the next query; without a listener it would end the process.
  pool.on('error', (error) => {
    logger.warn({ err: error }, 'lost an idle PostgreSQL connection');
  });
  return pool;
};

/** One connection outside the pool, for what belongs to a session: the relay's advisory lock. Not yet connected. */
export const createClient = (config: PostgresConfig, applicationName: string): Client => {
  const client = new DirectClient(clientConfigs(config, applicationName)());
  // Whoever has it is told by its statements, and may listen too.
  client.on('error', () => undefined);
  claimConnecting(client);
  claimErrors(client, 'connect', 'query');
  return client;
};
