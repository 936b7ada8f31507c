/**
 * `npm run dev:servers [-- DATA_DIR]`: only the servers, on ports of their own, for work on the services and for fast
 * runs of the tests. Prints the variables that make the tests use them, and stays up until Ctrl-C.
 */
import { resolve } from 'node:path';
import { printError, UserError } from './bootstrap/fail.mjs';
import { startServers, stopServers } from './servers.ts';

/** Apart from those of `npm start`, so that both can run. */
const PORTS = { postgres: 5533, kafka: 9192, elasticsearch: 9292 };

const main = async (): Promise<void> => {
  const [folder = '.data/dev', ...rest] = process.argv.slice(2);
  if (folder.startsWith('-') || rest.length > 0)
    throw new UserError('dev:servers takes one folder for data and logs: npm run dev:servers -- --help says more.');
  const dataDir = resolve(folder);
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
  console.error(`Logs: ${dataDir}/logs. Stop with Ctrl-C.`);
  await new Promise((stop) => {
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
  });
  console.error('Stopping');
  await stopServers(servers);
};

main().then(
  () => process.exit(0),
  (error: unknown) => {
    printError(error);
    process.exit(1);
  },
);
