/** The command line of an operator: `npm run ops -- <command>`, and the entry point of Jobs in the cluster. */
import { Command } from 'commander';
import { messageOf } from '../platform/errors.ts';

/** In the order of the help. Only the one that is asked for is loaded: clients of servers it never calls take seconds. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  migrate: async () => (await import('./migrate/command.ts')).migrateCommand(),
  secrets: async () => (await import('./secrets/command.ts')).secretsCommand(),
  status: async () => (await import('./status/command.ts')).statusCommand(),
  wait: async () => (await import('./wait/command.ts')).waitCommand(),
  teardown: async () => (await import('./teardown/command.ts')).teardownCommand(),
  import: async () => (await import('./import/command.ts')).importCommand(),
  export: async () => (await import('./export/command.ts')).exportCommand(),
  reindex: async () => (await import('./reindex/command.ts')).reindexCommand(),
  verify: async () => (await import('./verify/command.ts')).verifyCommand(),
  restore: async () => (await import('./restore/command.ts')).restoreCommand(),
  dlq: async () => (await import('./dlq/command.ts')).dlqCommand(),
  events: async () => (await import('./events/command.ts')).eventsCommand(),
  lag: async () => (await import('./lag/command.ts')).lagCommand(),
  outbox: async () => (await import('./outbox/command.ts')).outboxCommand(),
  relay: async () => (await import('./relay/command.ts')).relayCommand(),
  config: async () => (await import('./config/command.ts')).configCommand(),
};

const program = new Command('ops').description('One-shot commands for the taskstream pipeline').showHelpAfterError();
const asked = COMMANDS[process.argv[2] ?? ''];
// Help, and the message about a name that does not exist, know them all.
for (const load of asked === undefined ? Object.values(COMMANDS) : [asked]) program.addCommand(await load());

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`\n${messageOf(error)}\n`);
  process.exitCode = 1;
}
