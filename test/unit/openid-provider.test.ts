import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import { findLaterNode } from '../support/npm-fixture.ts';
import { isAlive } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

const PROGRAM = `
  import { startOpenIdProvider } from './test/support/openid-provider.ts';
  console.log((await startOpenIdProvider()).pid);
`;

it('the OpenID provider of the tests runs on a Node that it is made for, and ends with whoever started it', async () => {
  const args = ['--import', 'tsx', '--input-type=module', '-e', PROGRAM];
  const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(line);
  expect([isAlive(pid), readlinkSync(`/proc/${pid}/exe`)]).toEqual([true, await findLaterNode()]);
  parent.kill('SIGKILL');
  await waitFor('the end of the provider', () => Promise.resolve(!isAlive(pid)));
});
