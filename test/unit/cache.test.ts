import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cached, cacheRoot } from '../../infra/local/bootstrap/cache.mjs';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'taskstream-cache-'));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const fill = (text: string) => async (folder: string) => {
  await sleep(20);
  writeFileSync(join(folder, 'file'), text);
};

it('makes an entry once, however many ask for it at the same time', async () => {
  let made = 0;
  const ask = () =>
    cached(
      'thing-1',
      async (folder) => {
        made += 1;
        await fill('whole')(folder);
      },
      { root },
    );
  const folders = await Promise.all([ask(), ask(), ask()]);
  expect(made).toBe(1);
  expect(new Set(folders)).toEqual(new Set([join(root, 'thing-1')]));
  expect(readFileSync(join(root, 'thing-1/file'), 'utf8')).toBe('whole');
});

it('leaves nothing that could be taken for an entry when the making fails, and the next one makes it', async () => {
  const failing = cached('thing-1', () => Promise.reject(new Error('network is down')), { root });
  await expect(failing).rejects.toThrow('network is down');
  expect(existsSync(join(root, 'thing-1'))).toBe(false);
  await cached('thing-1', fill('whole'), { root });
  expect(existsSync(join(root, 'thing-1/file'))).toBe(true);
});

it('takes over the lock of a process that died', async () => {
  const lock = join(root, 'thing-1.lock');
  writeFileSync(lock, '1 somebody who was killed');
  utimesSync(lock, new Date(0), new Date(0));
  await cached('thing-1', fill('whole'), { root });
  expect(existsSync(lock)).toBe(false);
});

it('lies in TASKSTREAM_CACHE, or else in the cache folder of the user', () => {
  expect(cacheRoot({ TASKSTREAM_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a');
  expect(cacheRoot({ XDG_CACHE_HOME: '/b' })).toBe('/b/taskstream');
  expect(cacheRoot({})).toMatch(/\.cache\/taskstream$/);
});
