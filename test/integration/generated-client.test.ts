import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../support/api.ts';
import { generateClient } from '../support/openapi-generator.ts';

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
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  await writeFile(join(folder, 'openapi.json'), (await api.request('GET', '/openapi.json')).text);
  for (let n = 0; n < 6; n += 1) await api.request('POST', '/tasks', { description: `one of ${n}` });
});
afterAll(async () => {
  await api.close();
  await rm(folder, { recursive: true });
});

/** Compiles a program and the client beside it as strictly as a careful user does, and runs it. */
const compileAndRun = async (program: string): Promise<unknown> => {
  await cp(join(root, 'test/fixtures/generated-client', program), join(folder, program));
  const options = { module: 'nodenext', target: 'es2023', strict: true, skipLibCheck: true, types: ['node'] };
  const config = { compilerOptions: { ...options, rewriteRelativeImportExtensions: true }, files: [program] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  // The compiler speaks on its standard output, whether it fails or not.
  const compiled = await run(process.execPath, [bin('typescript/bin/tsc'), '-p', folder]).catch(
    (error: unknown) => error,
  );
  expect(compiled).toMatchObject({ stdout: '' });
  const { stdout } = await run(process.execPath, [join(folder, program.replace('.ts', '.js')), api.url]);
  return JSON.parse(stdout);
};

const EXPECTED = {
  versions: [1, 2, 3],
  outcomes: [201, 200],
  // Nothing indexes here.
  found: [0, 0, 0, 5, expect.any(String)],
  refused: 'validation_failed',
  deleted: 204,
};

it('a TypeScript client that openapi-typescript generates from the document compiles strictly, and makes each call', async () => {
  await run(process.execPath, [bin('openapi-typescript/bin/cli.js'), 'openapi.json', '-o', 'api.ts'], { cwd: folder });
  expect(await compileAndRun('use.ts')).toEqual(EXPECTED);
});

it('and so does one of OpenAPI Generator', async () => {
  const properties = { importFileExtension: '.js' };
  await generateClient('typescript-fetch', join(folder, 'openapi.json'), join(folder, 'client'), properties);
  expect(await compileAndRun('use-openapi-generator.ts')).toEqual(EXPECTED);
});
