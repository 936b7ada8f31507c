/** The API's configuration. */
import { z } from 'zod';
import { authChecks, authEnv, quotable } from '../platform/auth/env.ts';
import { elasticsearchChecks, elasticsearchEnv } from '../platform/elasticsearch.ts';
import { integer, list, readEnv, type CrossCheck, type EnvSpec, type EnvValues } from '../platform/env.ts';
import { connectionChecks, connectionEnv, LAST_REQUESTS_MS } from '../platform/http/connections.ts';
import { listenEnv } from '../platform/http/health.ts';
import { kafkaChecks, kafkaEnv } from '../platform/kafka/settings.ts';
import type { Authentication } from '../platform/http/middleware/authenticate.ts';
import { lifecycleEnv } from '../platform/lifecycle.ts';
import { loggerEnv } from '../platform/logger.ts';
import { postgresEnv } from '../platform/postgres.ts';
import { freshnessEnv } from '../pipeline/freshness.ts';
import { taskEntity } from '../task/entity.ts';
import { taskEnv } from '../task/env.ts';
import { PORTS } from '../task/resources.ts';
import { telemetryEnv } from '../platform/telemetry.ts';
import { consoleChecks, consoleEnv } from './console/config.ts';

/** A comma-separated list of origins, in the one spelling in which browsers send them, or `*`. */
const origins = (): z.ZodType<string[]> =>
  list().transform((entries, context) =>
    entries.map((entry) => {
      if (!/^https?:/i.test(entry)) return entry;
      const url = URL.canParse(entry) ? new URL(entry) : undefined;
      if (url !== undefined && url.href === `${url.origin}/`) return url.origin;
      context.issues.push({
        code: 'custom',
        message: `${entry} is no origin such as https://app.example.com`,
        input: entry,
      });
      return z.NEVER;
    }),
  );

/** A number of proxies; `true` is one, as it was when there could be no more. */
const proxies = (): z.ZodType<number> =>
  z
    .string()
    .default('false')
    .transform((value, context) => {
      if (value === 'false' || value === 'true') return Number(value === 'true');
      if (/^\d$/.test(value)) return Number(value);
      context.issues.push({ code: 'custom', message: 'must be true, false, or a number from 0 to 9', input: value });
      return z.NEVER;
    });

export const apiEnv = {
  ...postgresEnv,
  ...kafkaEnv,
  ...elasticsearchEnv,
  ...telemetryEnv,
  ...loggerEnv,
  ...lifecycleEnv,
  ...listenEnv,
  ...taskEnv,
  ...connectionEnv,
  ...consoleEnv,
  ...authEnv,
  AUTH_SCOPE_READ: {
    schema: quotable().default(`${taskEntity.table}:read`),
    defaultText: `${taskEntity.table}:read`,
    description: 'The scope that reads and searches need, with `AUTH=oidc`.',
  },
  AUTH_SCOPE_WRITE: {
    schema: quotable().default(`${taskEntity.table}:write`),
    defaultText: `${taskEntity.table}:write`,
    description: 'The scope that changes need, with `AUTH=oidc`.',
  },
  AUTH_SCOPE_ADMIN: {
    schema: quotable().default(`${taskEntity.table}:admin`),
    defaultText: `${taskEntity.table}:admin`,
    description:
      'The scope that, beside one of these, reaches what others own and may name an owner, with `AUTH=oidc`.',
  },
  PORT: {
    schema: integer(PORTS.api, { min: 0, max: 65_535 }),
    defaultText: String(PORTS.api),
    description: 'Port of the HTTP API.',
  },
  MAX_CONNECTIONS: {
    schema: integer(10_000, { min: 10, max: 1_000_000 }),
    defaultText: '10000',
    description:
      'Most connections of clients at once; further ones are closed. Fewer where the process may not open as many files (`ulimit -n`).',
  },
  HEALTH_PORT: {
    schema: integer(PORTS.apiHealth, { min: 0, max: 65_535 }),
    defaultText: String(PORTS.apiHealth),
    description: 'Port of `/livez`, `/readyz` and `/metrics`.',
  },
  DRAIN_DELAY_MS: {
    schema: integer(500, { min: 0, max: 300_000 }),
    defaultText: '500',
    description:
      'How long the API still serves after SIGTERM, in milliseconds. Behind a load balancer, longer than it takes to learn that the pod goes.',
  },
  CORS_ORIGINS: {
    schema: origins(),
    defaultText: 'none',
    description: 'Origins whose pages may call the API, comma-separated, or `*`.',
  },
  RATE_LIMIT_PER_MINUTE: {
    schema: integer(0, { min: 0, max: 10_000_000 }),
    defaultText: '0 (off)',
    description:
      'Most requests a minute from one client, counted in each replica: an IPv4 address, or the /64 of an IPv6 one. A batch counts as its operations.',
  },
  TRUST_PROXY: {
    schema: proxies(),
    defaultText: 'false',
    description:
      'How many proxies in front add to `X-Forwarded-For`, `true` for one: the entry of the outermost is the client. Set it only where they all write that header.',
  },
  SEARCH_TIMEOUT_MS: {
    schema: integer(3_000, { min: 50, max: 60_000 }),
    defaultText: '3000',
    description: 'Bound on one search, in milliseconds.',
  },
  SEARCH_BREAKER_RESET_MS: {
    schema: integer(5_000, { min: 100, max: 300_000 }),
    defaultText: '5000',
    description: 'How long search is answered with 503 at once after most searches failed, in milliseconds.',
  },
  IDEMPOTENCY_KEY_TTL_HOURS: {
    schema: integer(720, { min: 1, max: 87_600 }),
    defaultText: '720',
    description: 'How long an Idempotency-Key is known, in hours; of one that its request asked to keep, its answer.',
  },
  OUTBOX_MAX_ROWS: {
    schema: integer(5_000_000, { min: 1, max: 1_000_000_000 }),
    defaultText: '5000000',
    description:
      "Most changes that may wait to be published; past it, writes are answered with 503 and reads go on. A change takes its JSON and some 150 bytes of PostgreSQL's disk.",
  },
  OUTBOX_MAX_BYTES: {
    schema: integer(20_000_000_000, { min: 1_000, max: 100_000_000_000_000 }),
    defaultText: '20000000000',
    description:
      "The same in bytes of PostgreSQL's disk, by the size of a sample of the changes that wait. It should be well below the volume's size.",
  },
  RELAY_BATCH_SIZE: {
    schema: integer(2_000, { min: 1, max: 10_000 }),
    defaultText: '2000',
    description: 'Most events the relay publishes at once.',
  },
  RELAY_LANES: {
    schema: integer(1, { min: 1, max: 16 }),
    defaultText: '1',
    description:
      'How many replicas publish at once, each a share of the tasks; with fewer replicas, all of them publish. It may be changed while all run, replica by replica.',
  },
  RELAY_MAX_BYTES: {
    schema: integer(4_194_304, { min: 1_024, max: 268_435_456 }),
    defaultText: '4194304',
    description:
      'Most bytes of events the relay reads at once; up to four times as many are in flight. One event may exceed it.',
  },
  ...freshnessEnv,
  RELAY_POLL_MS: {
    schema: integer(250, { min: 5, max: 60_000 }),
    defaultText: '250',
    description: "Longest time until the relay reads other replicas' changes, in milliseconds.",
  },
} as const satisfies EnvSpec;

export type ApiConfig = EnvValues<typeof apiEnv>;

export type ScopeConfig = Pick<ApiConfig, 'AUTH_SCOPE_READ' | 'AUTH_SCOPE_WRITE' | 'AUTH_SCOPE_ADMIN'>;

export const scopesOf = (config: ScopeConfig): Authentication['scopes'] => ({
  read: config.AUTH_SCOPE_READ,
  write: config.AUTH_SCOPE_WRITE,
  admin: config.AUTH_SCOPE_ADMIN,
});

const portsDiffer: CrossCheck<typeof apiEnv> = ({ PORT, HEALTH_PORT }) =>
  PORT === HEALTH_PORT && PORT !== 0
    ? { path: 'HEALTH_PORT', message: 'must differ from PORT: health and metrics stay off the public port' }
    : undefined;

/** What is left of the stop's deadline for everything but HTTP, in milliseconds. */
export const AFTER_HTTP_MS = 10_000;

const delayFits: CrossCheck<typeof apiEnv> = ({ DRAIN_DELAY_MS, SHUTDOWN_DEADLINE_MS }) => {
  const most = SHUTDOWN_DEADLINE_MS - AFTER_HTTP_MS - LAST_REQUESTS_MS;
  return DRAIN_DELAY_MS > most
    ? {
        path: 'DRAIN_DELAY_MS',
        message: `must be at most ${most}: SHUTDOWN_DEADLINE_MS less the time to close the rest`,
      }
    : undefined;
};

const adminIsNobodyElse: CrossCheck<typeof apiEnv> = ({ AUTH_SCOPE_READ, AUTH_SCOPE_WRITE, AUTH_SCOPE_ADMIN }) =>
  [AUTH_SCOPE_READ, AUTH_SCOPE_WRITE].includes(AUTH_SCOPE_ADMIN)
    ? {
        path: 'AUTH_SCOPE_ADMIN',
        message: 'must be another scope: else whoever reads or writes reaches what others own',
      }
    : undefined;

/** @throws TaskstreamError `invalid_configuration` with every fault. */
export const readApiConfig = (env: NodeJS.ProcessEnv): ApiConfig =>
  readEnv(apiEnv, env, [
    ...kafkaChecks,
    ...elasticsearchChecks,
    ...connectionChecks,
    ...authChecks,
    ...consoleChecks,
    portsDiffer,
    delayFits,
    adminIsNobodyElse,
  ]);
