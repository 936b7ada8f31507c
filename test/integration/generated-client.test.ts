import { execFile } from 'node:child_process';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClientWorld, EXPECTED, type ClientWorld } from '../support/generated-client.ts';
import { generateHeyApiClient } from '../support/hey-api.ts';
import { generateClient } from '../support/openapi-generator.ts';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const bin = (path: string): string => join(root, 'node_modules', path);

let world: ClientWorld;
beforeAll(async () => {
  world = await createClientWorld();
});
afterAll(() => world.close());

/** As strict as a careful user is. */
const COMPILER_OPTIONS = {
  module: 'nodenext',
  target: 'es2023',
  strict: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: true,
  types: ['node'],
  rewriteRelativeImportExtensions: true,
};

/** A folder with the program that uses the client, and with all that compiling it takes but the client. */
const prepare = async (program: string): Promise<string> => {
  const folder = await world.folder(program);
  await copyFile(join(root, 'test/fixtures/generated-client', `${program}.ts`), join(folder, 'use.ts'));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  const config = { compilerOptions: COMPILER_OPTIONS, files: ['use.ts'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  return folder;
};

const compileAndRun = async (folder: string): Promise<unknown> => {
  // The compiler speaks on its standard output, whether it fails or not.
  const compiled = await run(process.execPath, [bin('typescript/bin/tsc'), '-p', folder]).catch(
    (error: unknown) => error,
  );
  expect(compiled).toMatchObject({ stdout: '' });
  const { stdout } = await run(process.execPath, [join(folder, 'use.js'), world.api.url]);
  return JSON.parse(stdout);
};

it('a TypeScript client that openapi-typescript generates from the document compiles strictly, and makes each call', async () => {
  const folder = await prepare('openapi-typescript');
  await run(process.execPath, [bin('openapi-typescript/bin/cli.js'), 'openapi.json', '-o', 'api.ts'], { cwd: folder });
  expect(await compileAndRun(folder)).toEqual(EXPECTED);
});

it('and so does one of hey-api', async () => {
  const folder = await prepare('hey-api');
  await generateHeyApiClient(folder);
  expect(await compileAndRun(folder)).toEqual(EXPECTED);
});

it('and so does one of OpenAPI Generator', async () => {
  const folder = await prepare('openapi-generator');
  const properties = { importFileExtension: '.js' };
  await generateClient('typescript-fetch', join(folder, 'openapi.json'), join(folder, 'client'), properties);
  expect(await compileAndRun(folder)).toEqual(EXPECTED);
});
