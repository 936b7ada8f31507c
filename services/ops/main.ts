/** The command line of an operator: `npm run ops -- <command>`, and the entry point of Jobs in the cluster. */
import { Command } from 'commander';
import { messageOf } from '../shared/errors.ts';

/** In the order of the help. Only the one that is asked for is loaded: clients of servers it never calls take seconds. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  migrate: async () => (await import('./commands/migrate.ts')).migrateCommand(),
  secrets: async () => (await import('./commands/secrets.ts')).secretsCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  wait: async () => (await import('./commands/wait.ts')).waitCommand(),
  teardown: async () => (await import('./commands/teardown.ts')).teardownCommand(),
  import: async () => (await import('./commands/import.ts')).importCommand(),
  reindex: async () => (await import('./commands/reindex.ts')).reindexCommand(),
  verify: async () => (await import('./commands/verify.ts')).verifyCommand(),
  dlq: async () => (await import('./commands/dlq.ts')).dlqCommand(),
  events: async () => (await import('./commands/events.ts')).eventsCommand(),
  lag: async () => (await import('./commands/lag.ts')).lagCommand(),
  outbox: async () => (await import('./commands/outbox.ts')).outboxCommand(),
  relay: async () => (await import('./commands/relay.ts')).relayCommand(),
  config: async () => (await import('./commands/config.ts')).configCommand(),
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
