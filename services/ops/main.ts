/** The command line of an operator: `npm run ops -- <command>`, and the entry point of Jobs in the cluster. */
import { messageOf } from '../platform/errors.ts';
import { linesOf } from '../platform/printable.ts';
import { createProgram } from './commands.ts';

// A reader that has enough, as `head`, is no fault.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever listens too says it in words.
    if (error.code !== 'EPIPE' && stream.listenerCount('error') === 1) throw error;
  });
}

const [first, second] = process.argv.slice(2).filter((arg) => arg !== '--');
const asked = first === 'help' ? second : first;
const program = await createProgram((name) => name === asked);
try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(linesOf(`\n${messageOf(error)}\n`));
  process.exitCode = 1;
}
