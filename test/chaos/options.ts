/** The command line of `npm run test:chaos`. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { wholeNumber } from '../../services/ops/cli/arguments.ts';
import { helpText } from '../../services/ops/cli/help.ts';
import { explainUsage } from '../../services/ops/cli/usage.ts';
import { NODE_FAULTS } from './faults/nodes.ts';
import { GROUP_PROTOCOLS, type RunSettings } from './settings.ts';

export interface ChaosOptions {
  /** Each fault once when not given. */
  readonly runs?: number;
  readonly seconds: number;
  readonly seed?: number;
  readonly turn: number;
  readonly fault?: string;
  /** Of all runs; chosen by the seed when not given. */
  readonly groupProtocol?: RunSettings['GROUP_PROTOCOL'];
  /** Three nodes of each server, and faults of nodes. */
  readonly cluster: boolean;
}

/** By their files, as what is in those has the clients of servers, which a help must not load. */
export const FAULT_NAMES: readonly string[] = readdirSync(join(import.meta.dirname, 'faults'))
  .map((file) => file.replace(/\.ts$/, ''))
  .filter((name) => !['away-standbys', 'fault', 'index', 'nodes', 'records'].includes(name));

/** Ends the process with the help or an error where the arguments ask for that. */
export const readOptions = (): ChaosOptions => {
  const command = new Command('test:chaos')
    .description('Random faults on real servers while clients write, each run judged by an independent checker')
    .option('--runs <count>', 'how many runs; each fault once when not given', wholeNumber)
    .option(
      '--cluster',
      'on three nodes of each server: nodes are killed, stand still, are cut off or restarted, or have a slow or a full disk',
      false,
    )
    .option('--seconds <count>', 'how long clients write in a run', wholeNumber, 8)
    .option('--seed <number>', 'repeat the run of this seed (with its --turn)', wholeNumber)
    .option('--turn <number>', 'number of the run in its round: it chooses the first fault', wholeNumber, 0)
    .addOption(
      new Option('--fault <name>', 'only this one').choices([...FAULT_NAMES, ...NODE_FAULTS.map(({ name }) => name)]),
    )
    .addOption(new Option('--group-protocol <name>', 'GROUP_PROTOCOL of all runs').choices(GROUP_PROTOCOLS))
    .addHelpText(
      'after',
      helpText({
        notes: `
A run that broke a promise prints the arguments that repeat it: the same faults, operations and pauses, though not the
same interleaving, which is the machine's. Its history and the services' logs are kept in dist/chaos.

The seed also chooses how the services are set: RELAY_LANES is 1 or 2, and without --group-protocol GROUP_PROTOCOL
is classic or consumer. A run's line says
which, and four runs in sequence have all four combinations.`,
        exits: { 0: 'all runs kept every promise', 1: 'one did not, or it could not run' },
        examples: [
          'npm run test:chaos                        # each fault once, about 14 minutes',
          'npm run test:chaos -- --runs 100          # the long round of docs/reliability.md',
          'npm run test:chaos -- --fault kill-relay --runs 10',
          'npm run test:chaos -- --cluster --runs 1  # a broker, the master and the primary are killed, about 3 minutes',
        ],
      }),
    );
  explainUsage(command, 'npm run test:chaos --').parse();
  const options = command.opts<ChaosOptions>();
  const isOfNode = NODE_FAULTS.some(({ name }) => name === options.fault);
  if (options.fault !== undefined && isOfNode !== options.cluster)
    command.error(`${options.fault} runs ${isOfNode ? 'on a cluster: add' : 'on single servers: leave out'} --cluster`);
  return options;
};
