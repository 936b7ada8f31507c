/**
 * `npm run test:chaos`: runs with random faults on the embedded servers, each judged by a checker that knows nothing of
 * the services.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SingleBar } from 'cli-progress';
import { summaryLine } from '../../infra/local/bootstrap/summary.mjs';
import { buildServices } from '../support/build.ts';
import { readOptions } from './options.ts';
import { randomOf } from './random.ts';
import { markdownOf, describeOutage, outageTableOf, tableOf } from './report.ts';
import type { RunResult } from './run.ts';
import { describeSettings, settingsOf } from './settings.ts';

const options = readOptions();
// Not before: a help must not load the clients of servers.
const [{ describePlan, nodePlanOf, planByNames, planOf, roundOf }, { startRun }] = [
  await import('./plan.ts'),
  await import('./start-run.ts'),
];
const recordFolder = join(import.meta.dirname, '../../dist/chaos');
const firstSeed = options.seed ?? Date.now() % 1_000_000_000;
console.error(`Compiling the services and starting the servers; first seed ${firstSeed}`);
const build = await buildServices();
const servers = options.cluster
  ? await (await import('./cluster-servers.ts')).startClusterServers()
  : await (await import('./servers.ts')).startServers();
const { canBreakDisks } = servers;
if (options.cluster && !canBreakDisks)
  console.error('No disk is made slow or full here: that takes a C compiler (cc) on a Linux with glibc.');
const runs = options.seed === undefined ? (options.runs ?? roundOf(options.cluster)) : 1;
const bar = new SingleBar({ format: '{bar} run {value} of {total}, {duration_formatted}', clearOnComplete: true });
const isTerminal = process.stderr.isTTY;
const results: RunResult[] = [];
let failed = 0;
let done = 0;
const stop = new AbortController();
process.once('SIGINT', () => {
  console.error('Stopping behind this run; Ctrl-C once more ends at once.');
  stop.abort();
});
if (isTerminal) bar.start(runs, 0);
for (let index = 0; index < runs && !stop.signal.aborted; index += 1) {
  const turn = options.turn + index;
  const seed = firstSeed + index;
  const ofTurn = options.cluster ? nodePlanOf(turn, canBreakDisks) : planOf(turn, randomOf(seed).fork(0));
  const plan = options.fault === undefined ? ofTurn : planByNames([[options.fault]]);
  const settings = settingsOf(seed, options.groupProtocol);
  const name = `run ${index + 1} of ${runs}, seed ${seed}, ${describeSettings(settings)}: ${describePlan(plan)}`;
  const again = `  repeat it with: npm run test:chaos -- ${options.cluster ? '--cluster ' : ''}--group-protocol ${settings.GROUP_PROTOCOL} --seed ${seed} ${options.fault === undefined ? `--turn ${turn}` : `--fault ${options.fault}`} --seconds ${options.seconds}`;
  try {
    await servers.heal();
    const result = await startRun(servers, {
      seed,
      settings,
      plan,
      writeMs: options.seconds * 1_000,
      build,
      recordFolder,
    });
    results.push(result);
    const isBroken = result.broken.length > 0;
    if (isBroken) {
      failed += 1;
      cpSync(servers.folder, join(recordFolder, `seed-${seed}`, 'servers'), {
        recursive: true,
        filter: (path) => path === servers.folder || path.endsWith('.log'),
      });
    }
    const verdict = isBroken
      ? `BROKEN:\n  ${result.broken.slice(0, 20).join('\n  ')}\n${again}`
      : result.isExcused
        ? 'kept every promise; an indexer had to leave events to be read again'
        : 'kept every promise';
    const recovery = (result.recoveryMs / 1_000).toFixed(1);
    for (const outage of result.outages) console.error(`  ${describeOutage(outage)}`);
    console.error(`${name}: ${result.acknowledged} writes, equal after ${recovery} s, ${verdict}`);
  } catch (error) {
    failed += 1;
    console.error(`${name}: the run itself failed:`, error, `\n${again}`);
  }
  done += 1;
  if (isTerminal) bar.update(done);
}
if (isTerminal) bar.stop();
await servers.close();
console.log(tableOf(results));
if (options.cluster) console.log(outageTableOf(results));
const graceful = results.filter(({ isGraceful }) => isGraceful);
const excused = graceful.filter(({ isExcused }) => isExcused);
// Now and then the machine stands still; a product that does it every other time has a fault.
if (graceful.length > 3 && excused.length > graceful.length / 2) {
  failed += 1;
  console.error(`In ${excused.length} of ${graceful.length} graceful runs an indexer left events to be read again.`);
}
mkdirSync(recordFolder, { recursive: true });
writeFileSync(join(recordFolder, 'report.md'), markdownOf(results));
console.log(summaryLine({ passed: Math.max(0, done - failed), failed, skipped: 0 }));
process.exit(failed > 0 ? 1 : 0);
