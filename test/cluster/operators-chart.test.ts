/** Helm itself, on a copy of charts/operators whose dependencies are empty charts from a repository on this machine. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { run, type Output } from './support/cluster.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const chart = parse(read('charts/operators/Chart.yaml')) as { dependencies: { name: string; version: string }[] };

let folder: string;
let copy: string;
let server: Server;

const helm = (...args: readonly string[]): Promise<Output> =>
  run(inject('helm'), args, {
    // Nothing that somebody has added to Helm on this machine.
    env: {
      HELM_CACHE_HOME: join(folder, 'cache'),
      HELM_CONFIG_HOME: join(folder, 'config'),
      HELM_DATA_HOME: join(folder, 'data'),
    },
  });
const mustHelm = async (...args: readonly string[]): Promise<void> => {
  const { code, stderr } = await helm(...args);
  if (code !== 0) throw new Error(`helm ${args.join(' ')}: ${stderr}`);
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'taskstream-operators-'));
  const served = join(folder, 'repository');
  for (const { name, version } of chart.dependencies) {
    const source = join(folder, 'sources', name);
    mkdirSync(source, { recursive: true });
    writeFileSync(join(source, 'Chart.yaml'), stringify({ apiVersion: 'v2', name, version }));
    await mustHelm('package', source, '--destination', served);
  }
  await mustHelm('repo', 'index', served);
  server = createServer((request, response) => {
    response.end(readFileSync(join(served, new URL(request.url ?? '/', 'http://any').pathname)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the repository has no port');
  copy = join(folder, 'operators');
  mkdirSync(copy);
  const repository = `http://127.0.0.1:${address.port}`;
  const dependencies = chart.dependencies.map((dependency) => ({ ...dependency, repository }));
  writeFileSync(join(copy, 'Chart.yaml'), stringify({ ...chart, dependencies }));
  writeFileSync(join(copy, 'values.yaml'), read('charts/operators/values.yaml'));
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

it('the dependencies of charts/operators can be fetched again and again, as the Tiltfile, Skaffold and the kind page do', async () => {
  const subcommands = ['Tiltfile', 'skaffold.operators.yaml', 'docs/kind.md'].map(
    (file) => /helm,? dependency,? (\w+),? charts\/operators/.exec(read(file))?.[1],
  );
  expect(new Set(subcommands).size).toBe(1);
  const fetched = chart.dependencies.map(({ name, version }) => `${name}-${version}.tgz`).sort();
  for (const time of ['first', 'second', 'third']) {
    const { code, stderr } = await helm('dependency', subcommands[0] ?? '', copy);
    expect([code, stderr], time).toEqual([0, '']);
    expect(readdirSync(join(copy, 'charts')).sort(), time).toEqual(fetched);
  }
});

it('what they leave in the working tree is none of git', async () => {
  const left = ['charts/operators/Chart.lock', 'charts/operators/charts/any-1.0.0.tgz'];
  const { stdout } = await run('git', ['-C', root, 'check-ignore', '--no-index', ...left]);
  expect(stdout.trim().split('\n')).toEqual(left);
});
