import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { canBreakDisks, createDisks } from '../../infra/local/cluster/disks.ts';

/** Calls what it is told to call, and reports the code of its error and how long it took. */
const WRITER = `
  const fs = require('node:fs');
  const file = fs.openSync(process.argv[1], 'w+');
  const calls = {
    grow: () => fs.writeSync(file, 'more'),
    overwrite: () => fs.writeSync(file, 'M', 0),
    sync: () => fs.fdatasyncSync(file),
    elsewhere: () => fs.writeFileSync(process.argv[2], 'more'),
  };
  process.on('message', (name) => {
    const startedAt = performance.now();
    let code = 'done';
    try { calls[name](); } catch (error) { code = error.code; }
    process.send({ code, tookMs: performance.now() - startedAt });
  });`;

it.runIf(canBreakDisks())('a disk of a node is slow or full while it is told so, and others are not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-disks-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  mkdirSync(join(folder, 'node'));
  const disks = createDisks(folder);
  const child = spawn(process.execPath, ['-e', WRITER, join(folder, 'node/file'), join(folder, 'other')], {
    env: { ...process.env, ...disks.envOf('node') },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const ask = async (name: string) => {
    child.send(name);
    const [answer] = (await once(child, 'message')) as [{ readonly code: string; readonly tookMs: number }];
    return answer;
  };
  expect((await ask('grow')).code).toBe('done');

  disks.set('node', 'full');
  expect((await ask('grow')).code).toBe('ENOSPC');
  expect((await ask('overwrite')).code).toBe('done');
  expect((await ask('elsewhere')).code).toBe('done');

  disks.set('node', 'slow');
  expect((await ask('grow')).tookMs).toBeGreaterThan(18);
  expect((await ask('sync')).tookMs).toBeGreaterThan(450);

  disks.repair('node');
  expect((await ask('grow')).code).toBe('done');
});
