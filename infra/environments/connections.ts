/**
 * How many connections to PostgreSQL an environment may open at once, and whether they fit. A connection beyond PostgreSQL's
 * `max_connections` is refused (`53300`): pods that are added do not become ready, and a rollout stalls.
 */

/**
 * What a replica of the API opens beside its pool: the relay's, and a question of each half of the pool (ADR 40). An active relay
 * has a question of its own (ADR 1): RELAY_LANES of them.
 */
export const BESIDES_POOL = 3;
/** While a version is rolled out: one replica that begins, and one that ends. */
export const ROLLOUT_REPLICAS = 2;
/** `DATABASE_POOL_SIZE` of a Job: its statements come one after the other, or a few at once. */
export const JOB_POOL_SIZE = 4;
/** What a Job opens beside its pool: the session of its lock, and a question. */
const JOB_BESIDES = 2;
/** Jobs at once: verify, reindex, migrate, and one that a person started. */
const JOBS = 4;
/** CloudNativePG's instance manager with its exporter of metrics, and people. */
const OPERATORS = 10;
/** `superuser_reserved_connections`, as PostgreSQL has it unless told otherwise. */
const SUPERUSERS = 3;

/** Whatever the replicas of the API are. */
export const OTHER_CONNECTIONS = JOBS * (JOB_POOL_SIZE + JOB_BESIDES) + OPERATORS + SUPERUSERS;

export interface ApiConnections {
  readonly maxReplicas: number;
  readonly databasePoolSize: number;
  readonly relayLanes: number;
}

/** The least `max_connections` of PostgreSQL. Indexers open none. */
export const connectionsNeeded = ({ maxReplicas, databasePoolSize, relayLanes }: ApiConnections): number =>
  (maxReplicas + ROLLOUT_REPLICAS) * (databasePoolSize + BESIDES_POOL) + relayLanes + OTHER_CONNECTIONS;

/** The same in words and with its numbers, for those whose settings are refused. */
export const connectionsInWords = (api: Readonly<Record<keyof ApiConnections, number | string>>): string =>
  `(${api.maxReplicas} + ${ROLLOUT_REPLICAS} replicas of the API) x (${api.databasePoolSize} + ${BESIDES_POOL} connections) + ${api.relayLanes} for active relays + ${OTHER_CONNECTIONS} for jobs, operators and superusers`;
