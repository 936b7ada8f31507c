/** The three servers together. */
import { join } from 'node:path';
import { findJdk } from './bootstrap/jdk.mjs';
import { stopAllChildren } from './child.ts';
import { startElasticsearch } from './elasticsearch.ts';
import type { EmbeddedServer, ServerOptions } from './embedded-server.ts';
import { elasticsearchHome, kafkaHome } from './jars.ts';
import { startKafka } from './kafka.ts';
import { startPostgres, type PostgresOptions } from './postgres.ts';

export const SERVER_KINDS = ['postgres', 'kafka', 'elasticsearch'] as const;
export type ServerKind = (typeof SERVER_KINDS)[number];

export type Servers = Partial<Record<ServerKind, EmbeddedServer>>;

export interface ServersOptions {
  /** Folder for the data and logs of all servers. */
  readonly dataDir: string;
  /** A server is started for each kind that has a port. */
  readonly ports: Readonly<Partial<Record<ServerKind, number>>>;
  /** Address that all listen on; the loopback interface unless given. */
  readonly host?: string;
  /** Further settings of PostgreSQL, by the names of its documentation. */
  readonly postgresSettings?: Readonly<Record<string, string>>;
  readonly onReady?: (server: EmbeddedServer) => void;
}

/** Time for a graceful stop after a failed start, in milliseconds. */
const FAILED_STOP_MS = 10_000;

const START = { postgres: startPostgres, kafka: startKafka, elasticsearch: startElasticsearch } as const;

/** Where the log of a server is. */
export const serverLog = (dataDir: string, kind: ServerKind): string => join(dataDir, 'logs', `${kind}.log`);

/**
 * Starts servers in parallel; when one does not come up, every child of this process is stopped.
 * @throws the fault of the first one that failed
 */
export const startServers = async (options: ServersOptions): Promise<Servers> => {
  const { dataDir, ports, host, postgresSettings, onReady } = options;
  await fetchWhatIsMissing(ports);
  const started: Servers = {};
  const kinds = SERVER_KINDS.filter((kind) => ports[kind] !== undefined);
  const starts = kinds.map(async (kind) => {
    const options: ServerOptions & Pick<PostgresOptions, 'settings'> = {
      dataDir: join(dataDir, kind),
      port: ports[kind] ?? 0,
      logFile: serverLog(dataDir, kind),
      ...(host === undefined ? {} : { host }),
      ...(kind === 'postgres' && postgresSettings !== undefined ? { settings: postgresSettings } : {}),
    };
    const server = await START[kind](options);
    started[kind] = server;
    onReady?.(server);
  });
  try {
    await Promise.all(starts);
  } catch (error) {
    // Those still coming up too: nobody has a handle on them yet.
    await stopAllChildren(FAILED_STOP_MS);
    throw error;
  }
  return started;
};

/** Stops servers in parallel. */
export const stopServers = async (servers: Servers): Promise<void> => {
  await Promise.all(Object.values(servers).map((server) => server.stop()));
};

/** One after the other, as two runs of Maven must not share its local repository. */
const fetchWhatIsMissing = async ({ kafka, elasticsearch }: ServersOptions['ports']): Promise<void> => {
  if (kafka !== undefined) await kafkaHome(findJdk());
  if (elasticsearch !== undefined) await elasticsearchHome(findJdk());
};
