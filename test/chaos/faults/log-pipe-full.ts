/** Nobody reads the log of an API any more, as when its collector hangs. It serves, and ends when it is told to. */
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { stopProcess } from '../../support/process.ts';
import type { Fault } from './fault.ts';

/** Each is a line of some 250 bytes, and the pipe takes some 200 kB. */
const BURSTS = 50;
const BURST = 50;
const STOP_MS = 30_000;

export const logPipeFull: Fault = {
  name: 'log-pipe-full',
  graceful: false,
  touches: ['apis'],
  serviceEnv: { LOG_LEVEL: 'info' },
  inject: async ({ apis, startApi }, random) => {
    const api = random.pick(apis);
    api.child.stdout?.pause();
    for (let burst = 0; burst < BURSTS; burst += 1) {
      await Promise.all(
        Array.from({ length: BURST }, async () => {
          await (await fetch(`http://127.0.0.1:${api.port}/tasks/${uuidv7()}`)).arrayBuffer();
        }),
      );
    }
    apis.splice(apis.indexOf(api), 1);
    const ended = await Promise.race([stopProcess(api), sleep(STOP_MS)]);
    api.child.stdout?.resume();
    // What nobody reads is given a few seconds, and then goes with the process.
    if (ended?.code !== 0 && ended?.signal !== 'SIGKILL') {
      throw new Error(`the API ended with ${ended?.code ?? ended?.signal ?? 'nothing'} while nobody read its log`);
    }
    await startApi();
  },
};
