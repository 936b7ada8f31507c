/** What `npm start` takes from its arguments and the environment. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { PORTS } from '../../../services/task/resources.ts';
import { UserError } from '../bootstrap/fail.mjs';
import type { ServerKind } from '../servers.ts';

export interface ServicePorts {
  readonly api: number;
  readonly apiHealth: number;
  readonly indexerHealth: number;
}

export interface Ports {
  /** Of the servers that are started here. */
  readonly servers: Readonly<Partial<Record<ServerKind, number>>>;
  readonly services: ServicePorts;
}

export interface StartOptions {
  readonly fresh: boolean;
  readonly dataDir: string;
  readonly ports: Ports;
  /** Addresses of the servers that are used instead of embedded ones. */
  readonly external: Readonly<Partial<Record<ServerKind, string>>>;
}

/** The variable that moves a port, and its default. PostgreSQL keeps off 5432, where many machines have one. */
export const PORT_VARIABLES = {
  api: { variable: 'API_PORT', port: PORTS.api },
  apiHealth: { variable: 'API_HEALTH_PORT', port: PORTS.apiHealth },
  indexerHealth: { variable: 'INDEXER_HEALTH_PORT', port: PORTS.indexerHealth },
  postgres: { variable: 'POSTGRES_PORT', port: 5433 },
  kafka: { variable: 'KAFKA_PORT', port: 9092 },
  elasticsearch: { variable: 'ELASTICSEARCH_PORT', port: 9200 },
} as const;

const EXTERNAL = { postgres: 'DATABASE_URL', kafka: 'KAFKA_BROKERS', elasticsearch: 'ELASTICSEARCH_URL' } as const;

export const HELP = `npm start [-- --fresh]

Starts PostgreSQL, Kafka and Elasticsearch, then the API and the indexer, and stays up until Ctrl-C.
Data and logs are in .data/; --fresh removes them first.

Instead of an embedded server, one of yours:  DATABASE_URL  KAFKA_BROKERS  ELASTICSEARCH_URL
Ports: ${Object.values(PORT_VARIABLES)
  .map(({ variable, port }) => `${variable}=${port}`)
  .join('  ')}`;

/**
 * Reads the options.
 * @throws UserError for an unknown argument or a port that is none
 */
export const readOptions = (args: string[], env: NodeJS.ProcessEnv): StartOptions | 'help' => {
  const { fresh = false, help = false } = parse(args);
  if (help) return 'help';
  const port = (name: keyof typeof PORT_VARIABLES): number => {
    const { variable, port: fallback } = PORT_VARIABLES[name];
    const value = Number(env[variable] || fallback);
    if (Number.isInteger(value) && value >= 1 && value <= 65_535) return value;
    throw new UserError(`${variable} must be a port from 1 to 65535.`);
  };
  const kinds = ['postgres', 'kafka', 'elasticsearch'] as const;
  const external = Object.fromEntries(
    kinds.flatMap((kind) => {
      const url = env[EXTERNAL[kind]];
      return url ? [[kind, url]] : [];
    }),
  );
  const servers = Object.fromEntries(kinds.filter((kind) => !(kind in external)).map((kind) => [kind, port(kind)]));
  const services = { api: port('api'), apiHealth: port('apiHealth'), indexerHealth: port('indexerHealth') };
  return { fresh, dataDir: resolve('.data'), ports: { servers, services }, external };
};

const parse = (args: string[]): { fresh?: boolean; help?: boolean } => {
  try {
    return parseArgs({ args, options: { fresh: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } }).values;
  } catch (cause) {
    throw new UserError(`${cause instanceof Error ? cause.message : String(cause)}: say npm start [-- --fresh].`, {
      cause,
    });
  }
};
