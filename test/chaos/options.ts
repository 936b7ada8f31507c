/** The command line of `npm run test:chaos`. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { FAULTS } from './faults/index.ts';

export interface ChaosOptions {
  readonly runs: number;
  readonly seconds: number;
  readonly seed?: number;
  readonly turn: number;
  readonly fault?: string;
}

const number = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('It must be a whole number.');
  return value;
};

/** Ends the process with the help or an error where the arguments ask for that. */
export const readOptions = (): ChaosOptions =>
  new Command('test:chaos')
    .description('Random faults on real servers while clients write, each run judged by an independent checker')
    .option('--runs <count>', 'how many runs', number, FAULTS.length)
    .option('--seconds <count>', 'how long clients write in a run', number, 8)
    .option('--seed <number>', 'repeat the run of this seed (with its --turn)', number)
    .option('--turn <number>', 'number of the run in its round: it chooses the first fault', number, 0)
    .addOption(new Option('--fault <name>', 'only this one').choices(FAULTS.map(({ name }) => name)))
    .addHelpText(
      'after',
      `
A run that broke a promise prints the arguments that repeat it: the same faults, operations and pauses, though not the
same interleaving, which is the machine's. Its history and the services' logs are kept in dist/chaos.
Exit code: 0 when all runs kept every promise, 1 otherwise.

  npm run test:chaos                        each fault once, about 13 minutes
  npm run test:chaos -- --runs 100          the long round of docs/reliability.md
  npm run test:chaos -- --fault kill-relay --runs 10`,
    )
    .parse()
    .opts<ChaosOptions>();
