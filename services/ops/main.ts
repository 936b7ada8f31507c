/** The command line of an operator: `npm run ops -- <command>`, and the entry point of Jobs in the cluster. */
import { messageOf, TaskstreamError } from '../platform/errors.ts';
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
  // What `npm run ops` knows of the stack of its clone; an image has none.
  const hint = process.env['TASKSTREAM_MISSING'];
  const isMissing = error instanceof TaskstreamError && error.details.some(({ message }) => message === 'is required');
  if (hint && isMissing && error.code === 'invalid_configuration') process.stderr.write(`${hint}\n`);
  process.exitCode = 1;
}
