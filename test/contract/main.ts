/**
 * `npm run test:contract`: the HTTP API against input that is generated from its own OpenAPI document, valid and not,
 * call by call and in sequences: no 5xx, no status or body that the document does not have.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import getPort from 'get-port';
import { wholeNumberFrom } from '../../services/ops/cli/arguments.ts';
import { helpText } from '../../services/ops/cli/help.ts';
import { explainUsage } from '../../services/ops/cli/usage.ts';
import { summaryLine } from '../../infra/local/bootstrap/summary.mjs';
import { startServers, stopServers } from '../../infra/local/servers.ts';
import { startService, stopProcess } from '../support/process.ts';
import { fuzz, pythonEnvironment } from './schemathesis.ts';

const command = new Command('test:contract')
  .description('Schemathesis, all checks, against the API on real servers')
  .option('--examples <count>', 'generated requests for each operation and phase', wholeNumberFrom(1), 100)
  .option('--seed <number>', 'repeats a run', wholeNumberFrom(1), (Date.now() % 1_000_000) + 1)
  .addHelpText(
    'after',
    helpText({
      exits: { 0: 'the API kept its document', 1: 'it did not, or it could not run' },
      examples: [
        'npm run test:contract',
        'npm run test:contract -- --examples 1000',
        'npm run test:contract -- --seed 4711',
      ],
    }),
  );
const { examples, seed } = explainUsage(command, 'npm run test:contract --')
  .parse()
  .opts<{ examples: number; seed: number }>();

// Not before: a help must not load the clients of servers.
const [{ createTestDatabase }, { createTestTopics }, { createTestIndex }] = [
  await import('../support/database.ts'),
  await import('../support/kafka.ts'),
  await import('../support/search-index.ts'),
];
await pythonEnvironment();
const dataDir = mkdtempSync(join(tmpdir(), 'taskstream-contract-'));
const ports = { postgres: await getPort(), kafka: await getPort(), elasticsearch: await getPort() };
console.error(`Starting the servers; seed ${seed}`);
const servers = await startServers({ dataDir, ports });
const [database, topics, index] = [
  await createTestDatabase(servers.postgres?.url ?? ''),
  await createTestTopics(servers.kafka?.url ?? ''),
  await createTestIndex(servers.elasticsearch?.url ?? ''),
];
const env = {
  DATABASE_URL: database.url,
  KAFKA_BROKERS: servers.kafka?.url ?? '',
  ELASTICSEARCH_URL: servers.elasticsearch?.url ?? '',
  TASKS_TOPIC: topics.tasks,
  DEAD_LETTER_TOPIC: topics.deadLetters,
  TASK_INDEX: index.alias,
  LOG_LEVEL: 'error',
  // A machine that stands still for seconds is no fault of the API: 503 is documented, and is tested elsewhere.
  SEARCH_TIMEOUT_MS: '60000',
  DATABASE_STATEMENT_TIMEOUT_MS: '60000',
};
// The indexer too: searches are then answered from what the calls before wrote.
const services = await Promise.all([startService('api', env), startService('indexer', env)]);
let code = 1;
try {
  await Promise.all(services.map((service) => service.ready()));
  code = await fuzz({
    url: `http://127.0.0.1:${services[0].port}/openapi.json`,
    maxExamples: examples,
    seed,
    reportFolder: join(import.meta.dirname, '../../dist/contract'),
  });
  const logs = services[0].logs();
  if (logs !== '') console.error(`The API logged errors:\n${logs.slice(-4_000)}`);
  if (logs !== '') code = 1;
} finally {
  await Promise.all(services.map(stopProcess));
  await Promise.all([database.close(), topics.close(), index.close()]);
  await stopServers(servers);
  rmSync(dataDir, { recursive: true, force: true });
}
if (code !== 0) console.error(`Repeat it with: npm run test:contract -- --seed ${seed}`);
console.log(summaryLine({ passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 }));
process.exit(code === 0 ? 0 : 1);
