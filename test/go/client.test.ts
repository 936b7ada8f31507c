import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClientWorld, EXPECTED, type ClientWorld } from '../support/generated-client.ts';

const run = promisify(execFile);

let world: ClientWorld;
beforeAll(async () => {
  world = await createClientWorld();
});
afterAll(() => world.close());

it('a client in Go that oapi-codegen generates from the document compiles, and makes each call', async () => {
  const folder = await world.folder('go');
  await cp(join(import.meta.dirname, 'client'), folder, { recursive: true });
  const go = async (...args: string[]): Promise<string> => (await run('go', args, { cwd: folder })).stdout;
  await go('tool', 'oapi-codegen', '-config', 'oapi-codegen.yaml', 'openapi.json');
  await go('vet', './...');
  expect(JSON.parse(await go('run', '.', world.api.url))).toEqual(EXPECTED);
});
