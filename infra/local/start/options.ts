/** What `npm start` takes from its arguments and the environment. */
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { PORTS } from '../../../services/task/resources.ts';
import { messageOf } from '../../../services/platform/errors.ts';
import { UserError } from '../bootstrap/fail.mjs';
import { portsFrom, type ClusterPorts } from '../cluster/ports.ts';
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
  /** Of the nodes of a cluster, which stand behind those of the servers; none otherwise. */
  readonly nodes?: ClusterPorts | undefined;
  /** Is contained in each of them. */
  readonly offset: number;
}

export interface StartOptions {
  readonly fresh: boolean;
  /** The clone. */
  readonly root: string;
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

export type PortName = keyof typeof PORT_VARIABLES;

const EXTERNAL = { postgres: 'DATABASE_URL', kafka: 'KAFKA_BROKERS', elasticsearch: 'ELASTICSEARCH_URL' } as const;

export const HELP = `npm start [-- --fresh] [--cluster] [--port-offset N]

Starts PostgreSQL, Kafka and Elasticsearch, then the API and the indexer, and stays up until Ctrl-C.
Data and logs are in .data/; --fresh removes them first. One stack runs in a clone at a time.
--cluster starts three nodes of each server, as production has them, with data of their own; about 3 GB.

In another terminal:  npm run ops -- …  finds it by itself;  eval "$(npm run -s env)"  sets its variables.

Instead of an embedded server, one of yours:  DATABASE_URL  KAFKA_BROKERS  ELASTICSEARCH_URL
Ports: ${Object.values(PORT_VARIABLES)
  .map(({ variable, port }) => `${variable}=${port}`)
  .join('  ')}
--port-offset N adds N to each of them.

Exit codes:
  0  stopped by Ctrl-C
  1  it could not start, or one of its processes has ended

Examples:
  npm start
  npm start -- --fresh --port-offset 1000
  DATABASE_URL=postgres://me:secret@localhost/tasks npm start`;

/**
 * Reads the options.
 * @throws UserError for an unknown argument or a port that is none
 */
export const readOptions = (args: string[], env: NodeJS.ProcessEnv): StartOptions | 'help' => {
  const { fresh = false, help = false, cluster = false, portOffset: offsetText = '0' } = parse(args);
  if (help) return 'help';
  const offset = /^\d{1,5}$/.test(offsetText) ? Number(offsetText) : Number.NaN;
  if (Number.isNaN(offset))
    throw new UserError('--port-offset takes a whole number, as in: npm start -- --port-offset 1000');
  const port = (name: PortName): number => {
    const { variable, port: fallback } = PORT_VARIABLES[name];
    const value = Number(env[variable] || fallback);
    if (!Number.isInteger(value) || value < 1 || value > 65_535)
      throw new UserError(`${variable} must be a port from 1 to 65535.`);
    if (value + offset <= 65_535) return value + offset;
    throw new UserError(`--port-offset ${offset} moves ${variable} from ${value} past 65535: choose a smaller one.`);
  };
  const kinds = ['postgres', 'kafka', 'elasticsearch'] as const;
  const external = Object.fromEntries(
    kinds.flatMap((kind) => {
      const url = env[EXTERNAL[kind]];
      return url ? [[kind, url]] : [];
    }),
  );
  const [given] = Object.keys(external) as ServerKind[];
  if (cluster && given !== undefined)
    throw new UserError(
      `--cluster starts all servers, and ${EXTERNAL[given]} names one of yours: leave out one of the two.`,
    );
  const servers = Object.fromEntries(kinds.filter((kind) => !(kind in external)).map((kind) => [kind, port(kind)]));
  const services = { api: port('api'), apiHealth: port('apiHealth'), indexerHealth: port('indexerHealth') };
  const root = resolve('.');
  const nodes = cluster
    ? portsFrom({ postgres: port('postgres'), kafka: port('kafka'), elasticsearch: port('elasticsearch') })
    : undefined;
  return { fresh, root, dataDir: join(root, '.data'), ports: { servers, services, nodes, offset }, external };
};

/** The command line that was typed, with another offset; variables that choose ports may have stood in front of it. */
export const startCommand = (
  { fresh, cluster }: { readonly fresh: boolean; readonly cluster: boolean },
  env: NodeJS.ProcessEnv,
  offset: number,
): string => {
  const ports = Object.values(PORT_VARIABLES).flatMap(({ variable }) =>
    env[variable] ? [`${variable}=${env[variable]} `] : [],
  );
  // Their values may hold passwords.
  const given = Object.values(EXTERNAL).filter((variable) => env[variable]);
  const rest = given.length === 0 ? '' : `   (with ${given.join(', ')} as now)`;
  return `${ports.join('')}npm start -- ${fresh ? '--fresh ' : ''}${cluster ? '--cluster ' : ''}--port-offset ${offset}${rest}`;
};

interface Flags {
  readonly cluster?: boolean;
  readonly fresh?: boolean;
  readonly help?: boolean;
  readonly portOffset?: string;
}

const parse = (args: readonly string[]): Flags => {
  const command = new Command('start')
    .helpOption(false)
    .option('-h, --help')
    .option('--cluster')
    .option('--fresh')
    .option('--port-offset <n>')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  try {
    return command.parse(args, { from: 'user' }).opts<Flags>();
  } catch (cause) {
    // `unknown option '--frehs' (Did you mean --fresh?)`
    const reason = messageOf(cause)
      .replace(/^error: /, '')
      .replaceAll('\n', ' ');
    throw new UserError(`${reason}: npm start -- --help shows the options.`, { cause });
  }
};
