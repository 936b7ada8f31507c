/** The whole pipeline on this machine. The servers' data lies in `.data/` and survives; `--fresh` begins with none. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { printError, UserError } from '../bootstrap/fail.mjs';
import { announceStack, runningStack } from '../bootstrap/running.mjs';
import { startCluster, type Cluster } from '../cluster/cluster.ts';
import { describeDeath, killAllChildren, stopAllChildren, type Child } from '../child.ts';
import type { ClusterPorts } from '../cluster/ports.ts';
import type { EmbeddedServer } from '../embedded-server.ts';
import { printNextSteps } from './next-steps.ts';
import { checkPorts } from './check-ports.ts';
import { startCommand, type StartOptions } from './options.ts';
import { prepare, type ServerUrls } from './prepare.ts';
import { startServices } from './services.ts';
import { stackVariables } from './stack-variables.ts';
import { Steps } from './steps.ts';
import { startServers } from '../servers.ts';

/** The services get this long to drain, in milliseconds: longer than their own deadline. */
const DRAIN_MS = 30_000;
const LAST_CHANCE_MS = 15_000;

const servers: EmbeddedServer[] = [];
let cluster: Cluster | undefined;
const services: Child[] = [];

const withoutPassword = (address: string): string => {
  // Brokers are no URL, and have none.
  const url = URL.canParse(address) ? new URL(address) : undefined;
  return url === undefined || url.password === '' ? address : Object.assign(url, { password: '***' }).href;
};

const run = async (options: StartOptions, steps: Steps): Promise<void> => {
  const { root, dataDir, ports, external } = options;
  refuseSecond(root);
  await checkPorts(ports, (offset) =>
    startCommand({ fresh: options.fresh, cluster: ports.nodes !== undefined }, process.env, offset),
  );
  if (options.fresh) rmSync(dataDir, { recursive: true, force: true });
  announceStack(root, null);
  keepPreviousLogs(dataDir);
  for (const [kind, url] of Object.entries(external)) steps.note(`${kind}: the one at ${withoutPassword(url)}`);
  const urls = await (ports.nodes === undefined
    ? startSingle(options, steps)
    : startNodes(dataDir, ports.nodes, steps));
  await prepare(urls, dataDir, steps);
  services.push(...(await startServices(urls, dataDir, ports.services)));
  const apiUrl = `http://localhost:${ports.services.api}`;
  steps.done('API and indexer', apiUrl);
  announceStack(root, { ...stackVariables(urls, apiUrl, process.env) });
  printNextSteps(ports.services, dataDir, steps.elapsed());
};

const startSingle = async ({ dataDir, ports, external }: StartOptions, steps: Steps): Promise<ServerUrls> => {
  const started = await startServers({
    dataDir,
    ports: ports.servers,
    onReady: (server) => {
      servers.push(server);
      steps.done(server.name, server.url);
    },
  });
  return {
    DATABASE_URL: external.postgres ?? started.postgres?.url ?? '',
    KAFKA_BROKERS: external.kafka ?? started.kafka?.url ?? '',
    ELASTICSEARCH_URL: external.elasticsearch ?? started.elasticsearch?.url ?? '',
  };
};

/** Any one of these may end while the others go on: nobody watches for its death. */
const startNodes = async (dataDir: string, ports: ClusterPorts, steps: Steps): Promise<ServerUrls> => {
  cluster = await startCluster({
    dataDir: join(dataDir, 'cluster'),
    ports,
    onReady: ({ name }, url, pid) => {
      steps.done(name, `${url} (process ${pid})`);
    },
    report: (text) => {
      steps.note(text);
    },
  });
  const { postgres, kafka, elasticsearch } = cluster.urls;
  return { DATABASE_URL: postgres, KAFKA_BROKERS: kafka, ELASTICSEARCH_URL: elasticsearch, INDEX_REPLICAS: '1' };
};

/** Two would share `.data/`. @throws UserError */
const refuseSecond = (root: string): void => {
  const running = runningStack(root);
  if (running === undefined) return;
  const at = running.variables?.['TASKSTREAM_URL'];
  throw new UserError(
    `The stack of this clone is running already (process ${running.pid}${at === undefined ? ', which is still starting' : `, ${at}`}): ` +
      'use it, or stop it with Ctrl-C in its terminal; a second one needs a clone of its own.',
  );
};

/** Each run has logs of its own; those of the run before stay beside them. */
const keepPreviousLogs = (dataDir: string): void => {
  const [logs, previous] = [join(dataDir, 'logs'), join(dataDir, 'logs.previous')];
  if (!existsSync(logs)) return;
  rmSync(previous, { recursive: true, force: true });
  renameSync(logs, previous);
};

/** Rejects when one of the processes ends by itself. */
const watchForDeath = async (): Promise<never> => {
  const deaths = [...servers, ...services].map(async (child) => ({ child, exit: await child.exited }));
  const { child, exit } = await Promise.race(deaths);
  throw new UserError(describeDeath(child, exit));
};

/** The services first, so that they can finish what they do with the servers. */
const stopEverything = async (): Promise<void> => {
  await Promise.all(services.map((service) => service.stop('SIGTERM', DRAIN_MS)));
  await Promise.all([cluster?.stop(), ...servers.map((server) => server.stop())]);
  // What was still coming up.
  await stopAllChildren(LAST_CHANCE_MS);
};

const stopSignal = new Promise<'stop'>((resolve) => {
  let count = 0;
  const onSignal = () => {
    count += 1;
    if (count === 1) {
      console.log('\nStopping; press Ctrl-C again to stop at once.');
      resolve('stop');
      return;
    }
    killAllChildren();
    process.exit(130);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
});
// The terminal may be gone before we are.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

/** Runs it until Ctrl-C, or until one of its processes ends. @returns the exit code */
export const runStack = async (options: StartOptions): Promise<number> => {
  try {
    await Promise.race([run(options, new Steps()).then(watchForDeath), stopSignal]);
    await stopEverything();
    console.log('Stopped.');
    return 0;
  } catch (error) {
    printError(error);
    await stopEverything();
    return 1;
  }
};
