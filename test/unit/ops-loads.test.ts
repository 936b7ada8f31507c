/** What commands load, and what they do with a reader that has gone. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import getPort from 'get-port';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOps, runOpsPiped } from '../support/ops.ts';

const root = join(import.meta.dirname, '../..');
const KAFKA = '@confluentinc/kafka-javascript';
const CLIENTS = [KAFKA, '@kubernetes/client-node', '@elastic/elasticsearch', 'pg', 'undici', 'openid-client'];

/** The environment of a process that cannot load these packages. */
const without = (...packages: readonly string[]) => ({
  NODE_OPTIONS: `--import=${join(root, 'test/support/forbid-packages.mjs')}`,
  FORBIDDEN_PACKAGES: packages.join(' '),
});

let folder: string;
let kubeconfig: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'taskstream-ops-'));
  kubeconfig = join(folder, 'kubeconfig.json');
  // Nobody listens there: a command that gets as far has loaded all that it needs.
  const server = `http://127.0.0.1:${await getPort()}`;
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'here' },
    clusters: [{ name: 'here', cluster: { server } }],
    users: [{ name: 'me', user: {} }],
    contexts: [{ name: 'here', context: { cluster: 'here', user: 'me' } }],
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('the Kafka client', { timeout: 120_000 }, () => {
  it('is not loaded by commands that need the Kubernetes API alone', async () => {
    const env = { ...without(KAFKA), KUBECONFIG: kubeconfig };
    const [status, wait, lag] = await Promise.all([
      runOps(['status'], env),
      runOps(['wait', 'all', '--timeout', '1'], env),
      runOps(['lag'], { ...env, KAFKA_BROKERS: '127.0.0.1:1' }),
    ]);
    expect(status).toMatchObject({ code: 1, stderr: expect.stringContaining('The cluster does not say') as string });
    expect(wait).toMatchObject({ code: 1, stderr: expect.stringContaining('the cluster does not answer') as string });
    // So the hook is at work.
    expect(lag).toMatchObject({ code: 1, stderr: expect.stringContaining(`${KAFKA} is forbidden`) as string });
  });
});

describe('what ops does', { timeout: 120_000 }, () => {
  it('is what the command says behind a second --, as npm may leave it there', async () => {
    expect(await runOps(['--', 'config'], {})).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('DATABASE_URL') as string,
    });
  });

  it('needs the Kafka client in the commands alone for which npm scripts install it', async () => {
    const source = readFileSync(join(root, 'infra/local/bootstrap/main.mjs'), 'utf8');
    const names = /KAFKA_COMMANDS = \[(.*)\]/.exec(source)?.[1]?.match(/\w+/g) ?? [];
    const files = readdirSync(join(root, 'services/ops'), { recursive: true, encoding: 'utf8' }).filter((file) =>
      /[/-]act\.ts$/.test(file),
    );
    const script =
      "const { argv } = process; for (const file of argv.slice(1)) await import('./services/ops/' + file)" +
      ".catch((error) => { console.log(file.split('/')[0]); if (!/forbidden here/.test(error.message)) throw error; });";
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script, ...files];
    const env = { PATH: process.env['PATH'], ...without(KAFKA) };
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, env });
    expect([...new Set(stdout.trim().split('\n'))].sort()).toEqual(names.toSorted());
  });
});

describe('the help', { timeout: 120_000 }, () => {
  it('of all commands together loads no client of a server, as that would take seconds', async () => {
    const script =
      "const { createProgram } = await import('./services/ops/commands.ts'); await createProgram(() => true);";
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
    const env = { PATH: process.env['PATH'], ...without(...CLIENTS) };
    await promisify(execFile)(process.execPath, args, { cwd: root, env });
    await expect(
      promisify(execFile)(process.execPath, ['--input-type=module', '--eval', "await import('pg')"], {
        cwd: root,
        env,
      }),
    ).rejects.toThrow('pg is forbidden');
  });
});

describe('a reader that has gone', { timeout: 120_000 }, () => {
  it.each([['config'], ['verify', '--help'], ['--help']])('ends ops %s without a word', async (...args) => {
    expect(await runOpsPiped(args, '| true', {})).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });
});
