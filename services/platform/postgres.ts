/** PostgreSQL: its configuration, and the one place that makes connections. */
import { readFileSync } from 'node:fs';
import { Client, Pool, type ClientBase, type ClientConfig } from 'pg';
import { choice, integer, optionalText, url, type EnvSpec, type EnvValues } from './env.ts';
import { messageOf, TaskstreamError } from './errors.ts';
import type { Logger } from './logger.ts';
import { claimConnecting, claimErrors } from './postgres-outage.ts';

export const postgresEnv = {
  DATABASE_URL: {
    schema: url(['postgres:', 'postgresql:']),
    description:
      'PostgreSQL connection URL, `postgresql://user:password@host:port/database`; of PostgreSQL itself, not of a pooler such as PgBouncer.',
    secret: true,
  },
  DATABASE_POOL_SIZE: {
    schema: integer(10, { min: 2, max: 200 }),
    defaultText: '10',
    description: 'Most connections a process opens for requests; the relay holds one more.',
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
    description: "PEM file with the CA of PostgreSQL's certificate; the system's CAs when unset.",
  },
} as const satisfies EnvSpec;

export type PostgresConfig = EnvValues<typeof postgresEnv>;

/** No transaction of ours waits for anything but PostgreSQL. */
const IDLE_IN_TRANSACTION_MS = 30_000;

const clientConfig = (config: PostgresConfig, applicationName: string): ClientConfig => ({
  connectionString: config.DATABASE_URL,
  application_name: applicationName,
  connectionTimeoutMillis: 5_000,
  statement_timeout: config.DATABASE_STATEMENT_TIMEOUT_MS,
  // The server's own timeout cannot fire when the network is cut: the client gives up a little later.
  query_timeout: config.DATABASE_STATEMENT_TIMEOUT_MS + 2_000,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  ...(config.DATABASE_TLS === 'disable'
    ? {}
    : {
        ssl: {
          rejectUnauthorized: config.DATABASE_TLS === 'verify-full',
          ...(config.DATABASE_CA_FILE === undefined ? {} : { ca: readFileSync(config.DATABASE_CA_FILE, 'utf8') }),
        },
      }),
});

/**
 * A session keeps the plans of its statements. One that was made while a table was empty scans it for ever after, and
 * planning each statement anew costs twice the CPU (docs/performance.md). So no plan may scan where an index serves.
 * Just-in-time compilation would take the price of a scan that cannot be avoided for a long query.
 *
 * A transaction that its client forgot keeps locks, and dead rows from being vacuumed.
 */
const SESSION = {
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  jit: 'off',
  idle_in_transaction_session_timeout: String(IDLE_IN_TRANSACTION_MS),
};

/**
 * Sets up a session, and ends one that is none of PostgreSQL's own.
 *
 * A pooler gives each transaction another session, and ours have a state: the statement timeout, prepared statements,
 * locks. PgBouncer either refuses the timeout when we connect or, where it is told to ignore it, lets it go missing.
 * @throws TaskstreamError `database_unavailable` when a pooler answered in PostgreSQL's place
 */
const beginSession = async (client: ClientBase): Promise<void> => {
  const { rows } = await client.query<{ source: string }>(
    `SELECT source, ${Object.entries(SESSION)
      .map(([name, value]) => `set_config('${name}', '${value}', false)`)
      .join(', ')}
     FROM pg_settings WHERE name = 'statement_timeout'`,
  );
  if (rows[0]?.source !== 'client') throw poolerRefused();
};

const poolerRefused = (cause?: unknown): TaskstreamError =>
  new TaskstreamError(
    'database_unavailable',
    'DATABASE_URL leads to a connection pooler (such as PgBouncer), which drops the settings of a session. Let it lead to PostgreSQL itself.',
    { cause },
  );

/** A connection that ends where a pooler answers. */
class DirectClient extends Client {
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
export const createPool = (config: PostgresConfig, applicationName: string, logger: Logger): Pool => {
  const pool = new Pool({
    ...clientConfig(config, applicationName),
    max: config.DATABASE_POOL_SIZE,
    verify: (client, done) => {
      beginSession(client).then(() => {
        done();
      }, done);
    },
  });
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
  const client = new DirectClient(clientConfig(config, applicationName));
  // Whoever has it is told by its statements, and may listen too.
  client.on('error', () => undefined);
  claimConnecting(client);
  claimErrors(client, 'connect', 'query');
  return client;
};
