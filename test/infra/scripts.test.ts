/** The npm scripts, where no package was installed yet. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { copyClone, type Clone, type Outcome } from '../support/clone.ts';

const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
/** These have a help of their own, which needs the packages. */
const OWN_HELP = ['start', 'ops', 'init', 'test:chaos', 'test:contract', 'bench'];

let fresh: Clone;
let installed: Clone;

beforeAll(() => {
  fresh = copyClone((path) => /^(infra\/local\/|package(-lock)?\.json$)/.test(path));
  rmSync(join(fresh.path, 'node_modules'));
  installed = copyClone((path) => /^(infra|services|test)\/|^(package|package-lock|tsconfig)\.json$/.test(path));
});
afterAll(() => {
  fresh.remove();
  installed.remove();
});

/** What says where things are on this machine. */
const MACHINE = Object.fromEntries(
  ['PATH', 'HOME', 'JAVA_HOME', 'MAVEN_HOME', 'XDG_CACHE_HOME', 'TASKSTREAM_CACHE'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);

const npm = (clone: Clone, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  new Promise<Outcome>((resolve) => {
    const options = {
      cwd: clone.path,
      env: { ...MACHINE, NO_COLOR: '1', ...env },
    };
    execFile('npm', ['run', '--silent', ...args], options, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr });
    });
  });

it('each goes through the bootstrap, which needs nothing but Node', () => {
  for (const [name, line] of Object.entries(scripts)) expect(line).toBe(`exec node infra/local/bootstrap.mjs ${name}`);
});

it.each(Object.keys(scripts).filter((name) => !OWN_HELP.includes(name)))(
  '%s prints help where nothing is installed, and does nothing else',
  async (name) => {
    const { code, output } = await npm(fresh, [name, '--', '--help']);
    expect(code, output).toBe(0);
    expect(output).toMatch(new RegExp(`^npm (run )?${name} `));
    expect(fresh.git('status', '--porcelain', '--ignored')).toBe('');
  },
);

it.each(OWN_HELP)('%s prints its help, and starts nothing', { timeout: 120_000 }, async (name) => {
  const { code, output } = await npm(installed, [name, '--', '--help']);
  expect(code, output).toBe(0);
  expect(output).toMatch(/usage: |npm start/i);
  expect(output).toMatch(/\nExit codes:\n {2}0 {2}\S.*\n {2}1 {2}\S/);
  const [, examples = ''] = /\nExamples:\n([^]*)$/.exec(output) ?? [];
  expect(examples).toMatch(new RegExp(`^ .*npm (run )?${name}`, 'm'));
  expect(installed.git('status', '--porcelain')).toBe('');
});

it.each(['typecheck', 'test:unit'])(
  '%s installs first, and says in words why it cannot',
  { timeout: 120_000 },
  async (name) => {
    const nowhere = { npm_config_registry: 'http://127.0.0.1:1', npm_config_fetch_retries: '0' };
    const cache = { npm_config_cache: join(fresh.path, 'cache') };
    const { code, output } = await npm(fresh, [name], { ...nowhere, ...cache });
    expect(code).toBe(1);
    expect(output).toContain('Installing the npm packages');
    expect(output).toContain('npm ci failed');
    expect(output).not.toContain('not found');
  },
);

it('ops compiles no Kafka client to look at a cluster, nor for a help or a typo', { timeout: 300_000 }, async () => {
  const clone = copyClone((path) => /^(infra\/local|services)\/|^(package|package-lock|tsconfig)\.json$/.test(path));
  const [modules, client] = [join(clone.path, 'node_modules'), '@confluentinc/kafka-javascript'];
  const all = join(import.meta.dirname, '../../node_modules');
  // As npm leaves it: without what is compiled, and before anything was.
  rmSync(modules);
  mkdirSync(join(modules, client), { recursive: true });
  cpSync(join(all, client, 'package.json'), join(modules, client, 'package.json'));
  for (const name of readdirSync(all)) {
    if (name !== '@confluentinc' && name !== '.taskstream-install') symlinkSync(join(all, name), join(modules, name));
  }
  const env = { KUBECONFIG: join(clone.path, 'not-there') };
  const [status, wait, help, typo] = [
    await npm(clone, ['ops', '--', 'status'], env),
    await npm(clone, ['ops', '--', 'wait', 'all'], env),
    await npm(clone, ['ops', '--', 'lag', '--help'], env),
    await npm(clone, ['ops', '--', 'lga'], env),
  ];
  const left = [existsSync(join(modules, '.taskstream-install')), existsSync(join(modules, client, 'build'))];
  clone.remove();
  for (const { code, output } of [status, wait]) {
    expect(code).toBe(1);
    expect(output).toMatch(/^\nThe kubeconfig cannot be used|^\nThere is no Kubernetes cluster/);
  }
  expect(help).toMatchObject({ code: 0, output: expect.stringMatching(/^Usage: ops lag /) as string });
  expect(typo).toMatchObject({ code: 1, output: expect.stringContaining('Did you mean lag?') as string });
  expect(left).toEqual([false, false]);
});

it('dev:servers takes a folder, and no flag for one', { timeout: 120_000 }, async () => {
  const { code, output } = await npm(installed, ['dev:servers', '--', '--fresh']);
  expect(code).toBe(1);
  expect(output).toContain('dev:servers takes one folder');
  expect(installed.git('status', '--porcelain')).toBe('');
});
