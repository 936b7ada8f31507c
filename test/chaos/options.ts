/** The command line of `npm run test:chaos`. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { helpText } from '../../services/ops/cli/help.ts';
import { explainUsage } from '../../services/ops/cli/usage.ts';
import { FAULTS } from './faults/index.ts';
import { NODE_FAULTS, NODE_ROUNDS } from './faults/nodes.ts';

export interface ChaosOptions {
  readonly runs: number;
  readonly seconds: number;
  readonly seed?: number;
  readonly turn: number;
  readonly fault?: string;
  /** Three nodes of each server, and faults of nodes. */
  readonly cluster: boolean;
}

const number = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('It must be a whole number.');
  return value;
};

/** Ends the process with the help or an error where the arguments ask for that. */
export const readOptions = (): ChaosOptions => {
  const command = new Command('test:chaos')
    .description('Random faults on real servers while clients write, each run judged by an independent checker')
    .option('--runs <count>', 'how many runs; each fault once when not given', number)
    .option('--cluster', 'on three nodes of each server: nodes are killed, stand still, or are cut off', false)
    .option('--seconds <count>', 'how long clients write in a run', number, 8)
    .option('--seed <number>', 'repeat the run of this seed (with its --turn)', number)
    .option('--turn <number>', 'number of the run in its round: it chooses the first fault', number, 0)
    .addOption(
      new Option('--fault <name>', 'only this one').choices([...FAULTS, ...NODE_FAULTS].map(({ name }) => name)),
    )
    .addHelpText(
      'after',
      helpText({
        notes: `
A run that broke a promise prints the arguments that repeat it: the same faults, operations and pauses, though not the
same interleaving, which is the machine's. Its history and the services' logs are kept in dist/chaos.`,
        exits: { 0: 'all runs kept every promise', 1: 'one did not, or it could not run' },
        examples: [
          'npm run test:chaos                        # each fault once, about 13 minutes',
          'npm run test:chaos -- --runs 100          # the long round of docs/reliability.md',
          'npm run test:chaos -- --fault kill-relay --runs 10',
          'npm run test:chaos -- --cluster --runs 1  # a broker, the master and the primary are killed, about 3 minutes',
        ],
      }),
    );
  explainUsage(command, 'npm run test:chaos --').parse();
  const options = command.opts<Omit<ChaosOptions, 'runs'> & { readonly runs?: number }>();
  const isOfNode = NODE_FAULTS.some(({ name }) => name === options.fault);
  if (options.fault !== undefined && isOfNode !== options.cluster)
    command.error(`${options.fault} runs ${isOfNode ? 'on a cluster: add' : 'on single servers: leave out'} --cluster`);
  return { ...options, runs: options.runs ?? (options.cluster ? NODE_ROUNDS : FAULTS).length };
};
