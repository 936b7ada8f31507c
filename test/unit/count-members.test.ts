import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { it } from 'vitest';
import { isAlive } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

const SCRIPT = join(import.meta.dirname, '../../services/api/console/count-members.ts');

/** Forks the script as the API does; returns the parent, and the script's process id. */
const forkFrom = async (parentScript: string) => {
  const script = `
    const { fork } = require('node:child_process');
    const child = fork(${JSON.stringify(SCRIPT)}, {
      execArgv: ['--import', 'tsx'],
      // No broker is there: connecting to it goes on for ever.
      env: { ...process.env, KAFKA_BROKERS: '127.0.0.1:1' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    require('node:fs').writeSync(1, String(child.pid));
    ${parentScript}`;
  const parent = spawn(process.execPath, ['--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = (await once(parent.stdout, 'data')) as [Buffer];
  return { parent, pid: Number(output.toString()) };
};

it('the process that counts members ends with a parent that was gone before it could hear of it', async () => {
  const { pid } = await forkFrom('process.exit(0);');
  await waitFor('its end', () => !isAlive(pid), { timeoutMs: 30_000 });
}, 60_000);

it('the process that counts members ends with a parent that is killed later', async () => {
  const { parent, pid } = await forkFrom('setInterval(() => undefined, 1_000);');
  // By then its modules are loaded, on most machines; on any other one this is the case above. It may also have ended by
  // itself: the admin client can end its process while no broker is there (group-members.ts).
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  parent.kill('SIGKILL');
  await waitFor('its end', () => !isAlive(pid), { timeoutMs: 30_000 });
}, 60_000);
