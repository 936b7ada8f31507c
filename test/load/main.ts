/**
 * `npm run bench`: what the pipeline does a second and how long things take, each figure beside a ceiling that was
 * measured in the same run. Prints a table, and writes it with plots into `dist/bench`.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join, relative } from 'node:path';
import { Command, Option } from 'commander';
import { helpText } from '../../services/ops/cli/help.ts';
import { explainUsage } from '../../services/ops/cli/usage.ts';
import { buildServices } from '../support/build.ts';
import { BENCHES } from './benches/index.ts';
import type { Measurement, Plot } from './measurement.ts';
import type { Peer, PeerModule } from './peers/peer.ts';
import { markdownOf, rowOf, tableOf } from './report.ts';

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'dist/bench');

/** By their files, as those load what a help must not. */
const PEERS = readdirSync(join(import.meta.dirname, 'peers'))
  .map((file) => file.replace(/\.ts$/, ''))
  .filter((name) => name !== 'peer');

const command = new Command('bench')
  .description('Throughput, latency and memory of the pipeline on real servers, each beside a ceiling of the same run')
  .addOption(new Option('--only <names...>', 'only these').choices(BENCHES.map(({ name }) => name)))
  .addOption(new Option('--peer <names...>', 'measure these too, in the same run').choices(PEERS))
  .option('--quick', 'short and with little data: to see whether it runs, not how fast', false)
  .addHelpText(
    'after',
    helpText({
      notes: `${BENCHES.map(({ name, description }) => `  ${name.padEnd(10)} ${description}`).join('\n')}

All together take some 40 minutes on two cores. Leave the machine alone meanwhile.`,
      exits: { 0: 'everything could be measured, whether goals were met or not', 1: 'something could not be measured' },
      examples: [
        'npm run bench',
        'npm run bench -- --only relay',
        'npm run bench -- --only relay --peer debezium',
        'npm run bench -- --only cost --peer previous',
        'npm run bench -- --quick',
      ],
    }),
  );
const {
  only,
  peer = [],
  quick,
} = explainUsage(command, 'npm run bench --').parse().opts<{ only?: string[]; peer?: string[]; quick: boolean }>();
const modules: PeerModule[] = [];
for (const name of peer) {
  const module = (await import(`./peers/${name}.ts`)) as PeerModule;
  if (only === undefined || !only.every((bench) => module.benches.includes(bench))) {
    command.error(`error: '--peer ${name}' is for '--only ${module.benches.join(' ')}'`);
  }
  modules.push(module);
}

const measurements: Measurement[] = [];
const plots: Plot[] = [];
const log = (text: string) => process.stderr.write(`${text}\n`);
const report = {
  add: (measurement: Measurement) => {
    measurements.push(measurement);
    log(
      `    ${rowOf(measurement)
        .filter((cell) => cell !== '')
        .join('  ')}`,
    );
  },
  plot: (plot: Plot) => {
    plots.push(plot);
  },
  valueOf: (wanted: string) => measurements.find(({ what }) => what === wanted)?.value,
  progress: (text: string) => {
    log(`  ${text}`);
  },
};

const startedAt = performance.now();
log('Compiling the services and starting the servers');
const peers: Peer[] = [];
for (const { open } of modules) peers.push(await open());
// For all that is measured, as they share the server.
const settings = Object.assign({}, ...peers.map(({ postgresSettings }) => postgresSettings)) as Record<string, string>;
let failed = 0;
try {
  const { startBenchServers } = await import('./stack.ts');
  const servers = await startBenchServers(await buildServices(), settings);
  for (const bench of BENCHES.filter(({ name }) => only?.includes(name) ?? true)) {
    log(`${bench.name}: ${bench.description}`);
    try {
      await (await bench.load()).run({ servers, report, peers, isQuick: quick });
    } catch (error) {
      failed += 1;
      log(`  could not be measured: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  }
  await servers.close();
} finally {
  for (const { close } of peers) await close?.();
}
mkdirSync(folder, { recursive: true });
const machine = `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
const minutes = ((performance.now() - startedAt) / 60_000).toFixed(0);
writeFileSync(
  join(folder, 'report.md'),
  `Machine: ${machine}. Took ${minutes} minutes.\n\n${markdownOf(measurements)}`,
);
const { writePlots } = await import('./plots.ts');
const files = writePlots(plots, folder);
console.log(tableOf(measurements));
console.log(`${machine}; ${minutes} minutes.`);
for (const file of files) console.log(`plot: ${relative(root, file)}`);
process.exit(failed > 0 ? 1 : 0);
