/** `npm run init` on a copy of this clone, and what holds in the copy then. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { copyClone, type Outcome } from '../support/clone.ts';

/** Where an old name may be left, and why. */
const ALLOWED: readonly (readonly [path: RegExp, line: RegExp, why: string])[] = [
  [/^infra\/init\//, /./, 'its rules name what they replace, and it is of no use after'],
  [/^LICENSE$/, /The taskstream authors/, 'they wrote the template'],
  [/^package-lock\.json$/, /queue-microtask/, "another's package"],
  [/^services\/pipeline\/relay\/session\.ts$/, /"task" in ASCII/, 'the number spells it'],
  [/^test\/cluster\/lab\/components\/node\.sh$/, /lab_ctr tasks/, "a command of containerd's"],
  [/^services\/order\/import\/vocabulary\.ts$/, /./, 'the words of other tools'],
  [
    /^(CHANGELOG\.md|docs\/import\.md|services\/order\/import\/dates\.ts|test\/integration\/import-hints\.test\.ts)$/,
    /taskwarrior|'to-do'|type=to-do/i,
    'names of other tools, and their words',
  ],
  [/^infra\/local\/kafka\.ts$/, /'taskstream-local-kafkA'/, 'an id of 22 characters'],
];

/** Prints `/openapi.json` and `/asyncapi.json` of the renamed API. */
const PRINT_DOCUMENTS = `
  const { eventContract, openApiDocument } = await import('./services/api/docs.ts');
  const { orderRoutes } = await import('./services/order/routes.ts');
  const { orderEntity } = await import('./services/order/entity.ts');
  console.log(JSON.stringify([openApiDocument(orderRoutes({})), eventContract([{ ...orderEntity, topic: 'orders' }])]));
`;

// A word of SQL that begins with a vowel, and a name with a hyphen: what is hardest to put everywhere.
const clone = copyClone();
let outcome: Outcome;

beforeAll(async () => {
  outcome = await clone.node('--import', 'tsx', 'infra/init/main.ts', '--entity', 'order', '--name', 'web-shop');
});
afterAll(() => {
  clone.remove();
});

const passes = async (...args: string[]): Promise<void> => {
  const { code, output } = await clone.node(...args);
  expect(code, output.slice(-20_000)).toBe(0);
};

it('renames, says what it did and what to do next, and commits nothing', () => {
  expect(outcome.code, outcome.output).toBe(0);
  expect(outcome.output).toMatch(/services +│ +\d+ +│ +\d+/);
  expect(outcome.output).toContain('git reset --hard undoes all of it');
  expect(clone.git('log', '--oneline').trim().split('\n')).toHaveLength(1);
  // All of it is staged.
  expect(clone.git('diff', '--name-only')).toBe('');
  expect(clone.git('ls-files', '--others', '--exclude-standard')).toBe('');
});

it('leaves no old name but where it has to stay', () => {
  const left = clone.files().flatMap((path) => {
    const text = readFileSync(join(clone.path, path), 'utf8');
    const lines = text.includes('\0') ? [] : text.split('\n');
    return [path, ...lines]
      .filter((line) => /task|To-Do/i.test(line))
      .filter((line) => !ALLOWED.some(([paths, lines]) => paths.test(path) && lines.test(line)))
      .map((line) => `${path}: ${line}`);
  });
  expect(left).toEqual([]);
});

it('writes no "a" before the name, which begins with a vowel, in its texts and in the documents of the API', async () => {
  const documents = await clone.node('--import', 'tsx', '--input-type=module', '--eval', PRINT_DOCUMENTS);
  expect(documents.code, documents.output).toBe(0);
  expect(documents.output).toContain('/orders/{id}');
  const texts = clone.files().map((path) => [path, readFileSync(join(clone.path, path), 'utf8')] as const);
  const found = [...texts, ['the documents of the API', documents.output] as const].flatMap(([name, text]) =>
    (text.match(/\ba\s+(?:(?:\*|\/\/|#)\s+)?["'`]?orders?\b/gi) ?? []).map((match) => `${name}: ${match}`),
  );
  expect(found).toEqual([]);
});

it('leaves a clone that compiles', async () => {
  await passes('node_modules/typescript/bin/tsc', '--noEmit');
  await passes('node_modules/typescript/bin/tsc', '-p', 'services/api/console/client', '--noEmit');
});

it('leaves a clone that prettier and the linter accept', async () => {
  await passes('node_modules/prettier/bin/prettier.cjs', '--check', '.');
  await passes('node_modules/eslint/bin/eslint.js', '.');
});

it('leaves a clone whose unit tests and tests of the manifests pass, the chart of every environment included', async () => {
  await passes('node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', '--project', 'infra');
  for (const environment of ['local', 'lab', 'production'])
    await passes('--import', 'tsx', 'infra/main.ts', environment);
});
