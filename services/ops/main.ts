/** The command line of an operator: `npm run ops -- <command>`, and the entry point of Jobs in the cluster. */
import { Command } from 'commander';
import { messageOf } from '../shared/errors.ts';
import { configCommand } from './commands/config.ts';
import { dlqCommand } from './commands/dlq.ts';
import { eventsCommand } from './commands/events.ts';
import { importCommand } from './commands/import.ts';
import { lagCommand } from './commands/lag.ts';
import { migrateCommand } from './commands/migrate.ts';
import { outboxCommand } from './commands/outbox.ts';
import { relayCommand } from './commands/relay.ts';
import { reindexCommand } from './commands/reindex.ts';
import { secretsCommand } from './commands/secrets.ts';
import { statusCommand } from './commands/status.ts';
import { teardownCommand } from './commands/teardown.ts';
import { verifyCommand } from './commands/verify.ts';
import { waitCommand } from './commands/wait.ts';

const program = new Command('ops')
  .description('One-shot commands for the taskstream pipeline')
  .showHelpAfterError()
  .addCommand(migrateCommand())
  .addCommand(secretsCommand())
  .addCommand(statusCommand())
  .addCommand(waitCommand())
  .addCommand(teardownCommand())
  .addCommand(importCommand())
  .addCommand(reindexCommand())
  .addCommand(verifyCommand())
  .addCommand(dlqCommand())
  .addCommand(eventsCommand())
  .addCommand(lagCommand())
  .addCommand(outboxCommand())
  .addCommand(relayCommand())
  .addCommand(configCommand());

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`\n${messageOf(error)}\n`);
  process.exitCode = 1;
}
