/**
 * `npm run dev:servers [-- --cluster] [DATA_DIR]`: only the servers, on ports of their own, for work on the services and for
 * fast runs of the tests. Prints the variables that make the tests use them, and stays up until Ctrl-C.
 */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { explainUsage } from '../../services/ops/cli/usage.ts';
import { printError } from './bootstrap/fail.mjs';
import { startCluster } from './cluster/cluster.ts';
import { portsFrom } from './cluster/ports.ts';
import { startServers, stopServers } from './servers.ts';

/** Apart from those of `npm start`, so that both can run. */
const PORTS = { postgres: 5533, kafka: 9192, elasticsearch: 9292 };

const main = async (): Promise<void> => {
  const command = new Command('dev:servers').argument('[folder]').option('--cluster', '', false);
  explainUsage(command, 'npm run dev:servers --').parse();
  const { cluster: isCluster } = command.opts<{ cluster: boolean }>();
  const [folder = isCluster ? '.data/dev-cluster' : '.data/dev'] = command.args;
  const dataDir = resolve(folder);
  const stopped = new Promise((stop) => {
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
  });
  const stop = await (isCluster ? runCluster(dataDir) : runServers(dataDir));
  console.error(`Logs: ${dataDir}/logs. Stop with Ctrl-C.`);
  await stopped;
  console.error('Stopping');
  await stop();
};

const runServers = async (dataDir: string): Promise<() => Promise<void>> => {
  const servers = await startServers({
    dataDir,
    ports: PORTS,
    onReady: ({ name, url, pid }) => {
      console.error(`${name} is ready at ${url} (process ${pid})`);
    },
  });
  console.log(`export TEST_DATABASE_URL=${servers.postgres?.url ?? ''}`);
  console.log(`export TEST_KAFKA_BROKERS=${servers.kafka?.url ?? ''}`);
  console.log(`export TEST_ELASTICSEARCH_URL=${servers.elasticsearch?.url ?? ''}`);
  return () => stopServers(servers);
};

/** Tests make topics and indices of one copy: so these are the variables of the services. */
const runCluster = async (dataDir: string): Promise<() => Promise<void>> => {
  const cluster = await startCluster({
    dataDir,
    ports: portsFrom(PORTS),
    onReady: ({ name }, url, pid) => {
      console.error(`${name} is ready at ${url} (process ${pid})`);
    },
    report: (text) => {
      console.error(text);
    },
  });
  console.log(`export DATABASE_URL=${cluster.urls.postgres}`);
  console.log(`export KAFKA_BROKERS=${cluster.urls.kafka}`);
  console.log(`export ELASTICSEARCH_URL=${cluster.urls.elasticsearch}`);
  console.log('export INDEX_REPLICAS=1');
  return () => cluster.stop();
};

main().then(
  () => process.exit(0),
  (error: unknown) => {
    printError(error);
    process.exit(1);
  },
);
