/** Elasticsearch: its configuration, and the one place that makes clients. */
import { Client, errors } from '@elastic/elasticsearch';
import { buildConnector, Pool } from 'undici';
import { watchAuthority } from './certificates.ts';
import { checkedTransport, type Login } from './elasticsearch-answer.ts';
import { integer, optionalText, url, type CrossCheck, type EnvSpec, type EnvValues } from './env.ts';

export const elasticsearchEnv = {
  ELASTICSEARCH_URL: {
    schema: url(['http:', 'https:']),
    description: 'Elasticsearch URL.',
  },
  ELASTICSEARCH_USERNAME: { schema: optionalText(), description: 'User for basic authentication.', secret: true },
  ELASTICSEARCH_PASSWORD: { schema: optionalText(), description: 'Password for basic authentication.', secret: true },
  ELASTICSEARCH_API_KEY: {
    schema: optionalText(),
    description: 'API key (base64), instead of user and password.',
    secret: true,
  },
  ELASTICSEARCH_CA_FILE: {
    schema: optionalText(),
    description:
      "PEM file with the CA of Elasticsearch's certificate, or a folder, whose files `*.crt` are all trusted; read again for each new connection. The system's CAs when unset.",
  },
  ELASTICSEARCH_TIMEOUT_MS: {
    schema: integer(10_000, { min: 100, max: 300_000 }),
    defaultText: '10000',
    description: 'Bound on one request to Elasticsearch, in milliseconds.',
  },
} as const satisfies EnvSpec;

export type ElasticsearchConfig = EnvValues<typeof elasticsearchEnv>;

export const elasticsearchChecks: readonly CrossCheck<typeof elasticsearchEnv>[] = [
  (values) =>
    (values.ELASTICSEARCH_USERNAME === undefined) === (values.ELASTICSEARCH_PASSWORD === undefined)
      ? undefined
      : { path: 'ELASTICSEARCH_PASSWORD', message: 'ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD go together' },
  (values) =>
    values.ELASTICSEARCH_API_KEY !== undefined && values.ELASTICSEARCH_USERNAME !== undefined
      ? { path: 'ELASTICSEARCH_API_KEY', message: 'set either an API key or a user, not both' }
      : undefined,
];

/**
 * A client that never retries by itself: the indexer decides for each item what to do with a failure, and the search
 * route has a circuit breaker. It takes no answer of somebody else for Elasticsearch's. Nothing connects until the first
 * request.
 */
export const createElasticsearch = (config: ElasticsearchConfig): Client =>
  new Client({
    node: config.ELASTICSEARCH_URL,
    Transport: checkedTransport(config.ELASTICSEARCH_TIMEOUT_MS, loginOf(config)),
    maxRetries: 0,
    requestTimeout: 0,
    ...(config.ELASTICSEARCH_CA_FILE === undefined ? {} : { agent: poolThatTrusts(config.ELASTICSEARCH_CA_FILE) }),
  });

/** How old may be what was read of a login, in milliseconds: requests are many, renewals few. */
const LOGIN_AGE_MS = 1_000;
/** Within so long all nodes of a cluster have a renewed login that one of them has: each pod gets its files by itself. */
const SPREAD_MS = 300_000;

const authorizationOf = (config: ElasticsearchConfig): string | undefined => {
  const { ELASTICSEARCH_API_KEY: key, ELASTICSEARCH_USERNAME: user, ELASTICSEARCH_PASSWORD: password } = config;
  if (key !== undefined) return `ApiKey ${key}`;
  if (user === undefined || password === undefined) return undefined;
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
};

/**
 * A renewed login reaches the server and the files one after the other: where one is refused, its files are read again, and
 * where they say nothing newer, the one before it is tried. That one is kept until the renewed one works, as the server may get it
 * late, and then for as long as its nodes may differ. Then it is forgotten: it was replaced for a reason, and is shown to nobody
 * any more.
 * @param now milliseconds of a clock that never steps
 */
export const loginOf = (config: ElasticsearchConfig, now: () => number = () => performance.now()): Login => {
  let current = authorizationOf(config);
  let before: string | undefined;
  let readAt = now();
  /** Since when the renewed one works. */
  let worksSince: number | undefined;
  return {
    authorization: (refused) => {
      if (refused !== undefined || now() - readAt > LOGIN_AGE_MS) {
        const read = authorizationOf(config);
        readAt = now();
        if (read !== current) [before, current, worksSince] = [current, read, undefined];
      }
      return refused === current ? before : current;
    },
    onAnswer: (authorization) => {
      if (before === undefined || authorization !== current) return;
      worksSince ??= now();
      if (now() - worksSince >= SPREAD_MS) before = undefined;
    },
  };
};

/** How long an idle connection is kept, in milliseconds, as the client itself keeps them. */
const KEEP_ALIVE_MS = 600_000;
const MAX_CONNECTIONS = 256;

/** The client's own connections read the CA once; these read it for each that they open, so that a renewed one counts. */
const poolThatTrusts = (file: string) => {
  const authority = watchAuthority(file);
  return ({ url }: { readonly url: URL }): Pool =>
    new Pool(url.origin, {
      connections: MAX_CONNECTIONS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      // Requests have theirs: `checkedTransport`.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (options, callback) => {
        buildConnector({ ca: authority() })(options, callback);
      },
    });
};

/** The HTTP status of a failed request, or nothing when no answer came (refused, timed out, cut). */
export const statusOf = (error: unknown): number | undefined =>
  error instanceof errors.ResponseError ? error.statusCode : undefined;
