/** The npm scripts, where no package was installed yet. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import pMap from 'p-map';
import { environments } from '../../infra/environments/index.ts';
import { createProgram } from '../../services/ops/commands.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { copyClone, type Clone, type Outcome } from '../support/clone.ts';

const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
/** These have a help of their own, which needs the packages. */
const OWN_HELP = ['start', 'ops', 'init', 'synth', 'test:chaos', 'test:contract', 'bench'];

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

/** Seconds of CPU that a line of a shell takes, with all below it; the least of a few runs, as a busy machine adds to it. */
const cpuSeconds = async (line: string, enough: number): Promise<number> => {
  let least = Infinity;
  for (let run = 0; run < 4 && least > enough; run += 1) {
    const script = `TIMEFORMAT='cpu %U %S'; time { ${line}; }`;
    const { output } = await new Promise<Outcome>((resolve) => {
      const options = { cwd: installed.path, env: { ...MACHINE, NO_COLOR: '1' } };
      execFile('bash', ['-c', script], options, (error, stdout, stderr) => {
        resolve({ code: Number(error?.code ?? 0), output: stdout + stderr });
      });
    });
    const [, user, system] = /^cpu ([\d.]+) ([\d.]+)$/m.exec(output) ?? [];
    least = Math.min(least, Number(user) + Number(system));
    // What did something else than it was asked says nothing of what that costs.
    if (!/^(Usage: |npm |error: )/m.test(output)) throw new Error(`${line}: ${output}`);
  }
  return least;
};

it('a help or a typo takes less than a second of CPU', { timeout: 300_000 }, async () => {
  const { commands } = await createProgram(() => false);
  const lines = [
    ...['--help', 'lagg', 'dlq lst', 'lag --formt', 'dlq list --help', 'events tail --help'],
    ...commands.map((command) => `${command.name()} --help`),
  ].map((line) => `ops -- ${line}`);
  const others = OWN_HELP.filter((name) => name !== 'ops').map((name) => `${name} -- --help`);
  // On a slower machine twice what npm costs there, and a process that reads its arguments and does no more.
  const reader = `node --import tsx --input-type=module --eval "await import('commander')"`;
  const mostNow = async () => Math.max(1, 2 * (await cpuSeconds(`npm run --silent chart -- --help; ${reader}`, 0)));
  const most = await mostNow();
  const slow = await pMap(
    [...lines, ...others],
    async (line) => {
      const seconds = await cpuSeconds(`npm run --silent ${line}`, most);
      return seconds > most && seconds > (await mostNow()) ? [`${line}: ${seconds.toFixed(2)} s`] : [];
    },
    { concurrency: 2 },
  );
  expect(slow.flat()).toEqual([]);
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

it('ops without a stack says once what to do about variables that are missing', { timeout: 120_000 }, async () => {
  const { code, output } = await npm(installed, ['ops', '--', 'migrate']);
  expect(code).toBe(1);
  expect(output).toMatch(
    /DATABASE_URL: is required\n {2}ELASTICSEARCH_URL: is required\nThe stack of this clone does not run/,
  );
  expect(output.match(/npm start/g)).toHaveLength(1);
  // A value that is wrong needs no stack.
  const wrong = { DATABASE_URL: 'postgres://h/d', ELASTICSEARCH_URL: 'http://h:1', INDEX_SHARDS: 'x' };
  expect((await npm(installed, ['ops', '--', 'migrate'], wrong)).output).not.toContain('npm start');
});

it('synth --help names the environments', { timeout: 120_000 }, async () => {
  const { output } = await npm(installed, ['synth', '--', '--help']);
  for (const name of Object.keys(environments)) expect(output).toContain(`"${name}"`);
});

it.each([
  ['dev:servers -- --clustr', "unknown option '--clustr'", '--cluster'],
  ['dev:servers -- here there', 'too many arguments', undefined],
  ['synth -- prodution', "'prodution' is invalid", 'production'],
  ['gitops -- --rpo https://git.example.com/a.git', "unknown option '--rpo'", '--repo'],
  ['gitops -- --repo https://git.example.com/a.git --environment locl', "'locl' is invalid", 'local'],
  ['init -- --entty order', "unknown option '--entty'", '--entity'],
])('%s is answered with what was meant, and does nothing', { timeout: 120_000 }, async (line, wrong, right) => {
  const { code, output } = await npm(installed, line.split(' '));
  expect(code).toBe(1);
  expect(output).toContain(wrong);
  if (right !== undefined) expect(output).toContain(`(Did you mean ${right}?)`);
  expect(output).toContain(`npm run ${line.split(' ')[0] ?? ''} -- --help says more.`);
  expect(installed.git('status', '--porcelain')).toBe('');
});
