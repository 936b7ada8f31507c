/**
 * `npm start [-- --fresh] [--cluster] [--port-offset N]`: what it takes. The stack is loaded when there is one to start: that
 * takes longer than a help takes to read.
 */
import { printError } from './bootstrap/fail.mjs';
import { HELP, readOptions } from './start/options.ts';

const main = async (): Promise<number> => {
  try {
    const options = readOptions(process.argv.slice(2), process.env);
    if (options !== 'help') return await (await import('./start/stack.ts')).runStack(options);
    console.log(HELP);
    return 0;
  } catch (error) {
    printError(error);
    return 1;
  }
};

process.exit(await main());
