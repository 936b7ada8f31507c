/** PostgreSQL: its configuration, and the one place that makes connections. */
import { readFileSync } from 'node:fs';
import { Client, Pool, type ClientConfig } from 'pg';
import { choice, integer, optionalText, url, type EnvSpec, type EnvValues } from './env.ts';
import type { Logger } from './logger.ts';
import { claimErrors } from './postgres-outage.ts';

export const postgresEnv = {
  DATABASE_URL: {
    schema: url(['postgres:', 'postgresql:']),
    description: 'PostgreSQL connection URL, `postgresql://user:password@host:port/database`.',
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

/** A pool of connections; they are opened when first needed, so a database that is down does not fail this call. */
export const createPool = (config: PostgresConfig, applicationName: string, logger: Logger): Pool => {
  const pool = new Pool({ ...clientConfig(config, applicationName), max: config.DATABASE_POOL_SIZE });
  claimErrors(pool, 'connect', 'query');
  pool.on('connect', (client) => {
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
  const client = new Client(clientConfig(config, applicationName));
  claimErrors(client, 'connect', 'query');
  return client;
};
