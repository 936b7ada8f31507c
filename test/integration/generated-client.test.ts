import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../support/api.ts';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const bin = (path: string): string => join(root, 'node_modules', path);

let api: TestApi;
let folder: string;
beforeAll(async () => {
  api = await startTestApi();
  await mkdir(join(root, 'dist'), { recursive: true });
  // Inside the clone, so that it finds the packages.
  folder = await mkdtemp(join(root, 'dist/generated-client-'));
});
afterAll(async () => {
  await api.close();
  await rm(folder, { recursive: true });
});

it('a TypeScript client that is generated from the document compiles strictly, and makes each call', async () => {
  await writeFile(join(folder, 'openapi.json'), (await api.request('GET', '/openapi.json')).text);
  await run(process.execPath, [bin('openapi-typescript/bin/cli.js'), 'openapi.json', '-o', 'api.ts'], { cwd: folder });
  await cp(join(root, 'test/fixtures/generated-client/use.ts'), join(folder, 'use.ts'));
  const options = { module: 'nodenext', target: 'es2023', strict: true, exactOptionalPropertyTypes: true };
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: { ...options, rewriteRelativeImportExtensions: true, skipLibCheck: true, types: ['node'] },
      files: ['use.ts'],
    }),
  );
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  const compiled = await run(process.execPath, [bin('typescript/bin/tsc'), '-p', folder]).catch(
    (error: unknown) => error,
  );
  expect(compiled).toMatchObject({ stdout: '' });
  const { stdout } = await run(process.execPath, [join(folder, 'use.js'), api.url]);
  expect(JSON.parse(stdout)).toEqual({
    versions: [1, 2, 3],
    outcomes: [201, 200],
    // Nothing indexes here.
    found: [0, 0, 0, 2, null],
    refused: 'validation_failed',
    deleted: 204,
  });
});
