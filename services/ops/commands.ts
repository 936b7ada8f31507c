/** All commands of `ops`. */
import { Command } from 'commander';
import { helpText } from './cli/help.ts';
import { explainUsage } from './cli/usage.ts';

/**
 * In the order of the help. Only the one that is asked for is loaded: `command.ts` describes it, and loads `act.ts`, which does it
 * and has the clients of servers, when it runs.
 */
const COMMANDS: Readonly<Record<string, readonly [description: string, load: () => Promise<Command>]>> = {
  migrate: [
    'bring the database schema and the mapping of the search index up to date; create what is missing',
    async () => (await import('./migrate/command.ts')).migrateCommand(),
  ],
  secrets: [
    'write a random password into Secrets that have none; one that exists is never changed',
    async () => (await import('./secrets/command.ts')).secretsCommand(),
  ],
  status: [
    'show each resource of the product in the cluster, and what blocks it',
    async () => (await import('./status/command.ts')).statusCommand(),
  ],
  wait: [
    'wait until something is ready, and say meanwhile what is not',
    async () => (await import('./wait/command.ts')).waitCommand(),
  ],
  teardown: [
    'delete the product and its namespace, with all data; what operators must release goes first',
    async () => (await import('./teardown/command.ts')).teardownCommand(),
  ],
  import: [
    'create tasks from a file; a repeated import makes no second task, and takes over what changed',
    async () => (await import('./import/command.ts')).importCommand(),
  ],
  export: [
    'write tasks to standard output, as lines that import reads',
    async () => (await import('./export/command.ts')).exportCommand(),
  ],
  reindex: [
    'build the next search index with the current mapping while reads and writes go on, and switch to it',
    async () => (await import('./reindex/command.ts')).reindexCommand(),
  ],
  verify: [
    'compare every task of PostgreSQL with its document in Elasticsearch, and repair what differs',
    async () => (await import('./verify/command.ts')).verifyCommand(),
  ],
  owners: [
    'give owners to tasks that nobody owns, before callers are asked who they are',
    async () => (await import('./owners/command.ts')).ownersCommand(),
  ],
  restore: [
    'after PostgreSQL was restored from a backup, and before it serves: raise the version of every task',
    async () => (await import('./restore/command.ts')).restoreCommand(),
  ],
  dlq: [
    'dead letters: list, show, replay and discard events that could not be indexed',
    async () => (await import('./dlq/command.ts')).dlqCommand(),
  ],
  events: [
    'follow the task events, or read them again from a time or offset',
    async () => (await import('./events/command.ts')).eventsCommand(),
  ],
  lag: [
    'show what waits for the indexers by partition, the rates, and when it will be done',
    async () => (await import('./lag/command.ts')).lagCommand(),
  ],
  outbox: [
    'show what waits for Kafka, how old it is, the rates, and which relays are active',
    async () => (await import('./outbox/command.ts')).outboxCommand(),
  ],
  relay: ['hold the publication of changes back', async () => (await import('./relay/command.ts')).relayCommand()],
  config: [
    'show all environment variables of the services, as Markdown',
    async () => (await import('./config/command.ts')).configCommand(),
  ],
};

/**
 * The whole command line, and of its commands those that are wanted: of the others only name and description are there.
 * @param isWanted by the name of a command
 */
export const createProgram = async (isWanted: (name: string) => boolean): Promise<Command> => {
  const program = new Command('ops').description('One-shot commands for the taskstream pipeline').addHelpText(
    'after',
    helpText({
      exits: {
        0: 'done',
        2: 'it ran, and found what must not be, or left something undone: the help of a command says what',
      },
      examples: ['npm run ops -- status', 'npm run ops -- help import', 'npm run ops -- dlq list --help'],
    }),
  );
  for (const [name, [description, load]] of Object.entries(COMMANDS)) {
    program.addCommand((isWanted(name) ? await load() : new Command(name)).description(description));
  }
  return explainUsage(program, 'npm run ops --');
};
