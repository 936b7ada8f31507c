/**
 * `npm run test:chaos`: runs with random faults on the embedded servers, each judged by a checker that knows nothing of
 * the services. Prints the seed of each run; `--seed` repeats one: the same faults, operations and pauses, though not the
 * same interleaving, which is the machine's.
 */
import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError, Option } from 'commander';
import { summaryLine } from '../../infra/local/bootstrap/summary.mjs';
import { FAULTS, type Fault } from './faults/index.ts';
import { randomOf, type Random } from './random.ts';
import { tableOf } from './report.ts';
import { run, type RunResult } from './run.ts';
import { startServers } from './world.ts';

const number = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('It must be a whole number.');
  return value;
};

interface Options {
  readonly runs: number;
  readonly seconds: number;
  readonly seed?: number;
  readonly fault?: string;
}

const options = new Command('test:chaos')
  .description('random faults, and a judgement on what is left')
  .option('--runs <count>', 'how many runs', number, FAULTS.length)
  .option('--seconds <count>', 'how long clients write in a run', number, 8)
  .option('--seed <number>', 'repeat the run of this seed', number)
  .addOption(new Option('--fault <name>', 'only this one').choices(FAULTS.map(({ name }) => name)))
  .parse()
  .opts<Options>();

/** Each fault once in turn, so that a short round has seen all; and every second run another one after it. */
const faultsOf = (turn: number, random: Random): Fault[] => {
  const only = FAULTS.find(({ name }) => name === options.fault);
  if (only !== undefined) return [only];
  const first = options.seed === undefined ? FAULTS[turn % FAULTS.length] : undefined;
  return [first ?? random.pick(FAULTS), ...(random.chance(50) ? [random.pick(FAULTS)] : [])];
};

const first = options.seed ?? Date.now() % 1_000_000_000;
const runs = options.seed === undefined ? options.runs : 1;
console.error(`Starting the servers; first seed ${first}`);
const servers = await startServers();
const bar = new SingleBar({ format: '{bar} run {value} of {total}, {duration_formatted}', clearOnComplete: true });
const isTerminal = process.stderr.isTTY;
const results: RunResult[] = [];
let failed = 0;
if (isTerminal) bar.start(runs, 0);
for (let turn = 0; turn < runs; turn += 1) {
  const seed = first + turn;
  const faults = faultsOf(turn, randomOf(seed));
  const names = faults.map(({ name }) => name).join(' + ');
  try {
    const result = await run(servers, seed, faults, options.seconds * 1_000);
    results.push(result);
    if (result.broken.length > 0) failed += 1;
    const verdict =
      result.broken.length === 0 ? 'kept every promise' : `BROKEN:\n  ${result.broken.slice(0, 20).join('\n  ')}`;
    const recovery = (result.recoveryMs / 1_000).toFixed(1);
    console.error(`seed ${seed}, ${names}: ${result.acknowledged} writes, equal after ${recovery} s, ${verdict}`);
  } catch (error) {
    failed += 1;
    console.error(`seed ${seed}, ${names}: the run itself failed:`, error);
  }
  if (isTerminal) bar.update(turn + 1);
}
if (isTerminal) bar.stop();
await servers.close();
console.log(tableOf(results));
console.log(summaryLine({ passed: runs - failed, failed, skipped: 0 }));
process.exit(failed > 0 ? 1 : 0);
