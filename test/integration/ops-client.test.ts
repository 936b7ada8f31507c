import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../support/api.ts';
import { authenticationBy } from '../support/issuer.ts';
import { startOpenIdProvider, type OpenIdProvider } from '../support/openid-provider.ts';
import { jsonLines, runOps, runOpsPiped, startOps } from '../support/ops.ts';
import { waitFor } from '../support/wait.ts';

/** Longer than a request and its answer take, and short enough to wait for. */
const LIFETIME_SECONDS = 5;

let provider: OpenIdProvider;
let api: TestApi;
let folder: string;
let env: Record<string, string>;

beforeAll(async () => {
  provider = await startOpenIdProvider({ lifetimeSeconds: LIFETIME_SECONDS });
  api = await startTestApi({
    authentication: authenticationBy(provider, { AUTH_ALGORITHMS: 'ES256', AUTH_CLOCK_TOLERANCE_S: '0' }),
  });
  folder = mkdtempSync(join(tmpdir(), 'taskstream-client-'));
  writeFileSync(join(folder, 'secret'), `${provider.client.secret}\n`);
});
beforeEach(() => {
  env = {
    TASKSTREAM_URL: api.url,
    TASKSTREAM_ISSUER: provider.url,
    TASKSTREAM_INSECURE_ISSUER: 'true',
    TASKSTREAM_CLIENT_ID: provider.client.id,
    TASKSTREAM_CLIENT_SECRET: provider.client.secret,
    TASKSTREAM_SCOPE: 'tasks:read tasks:write',
  };
});
afterAll(async () => {
  await Promise.all([api.close(), provider.close()]);
  rmSync(folder, { recursive: true });
});

const lines = (...descriptions: readonly string[]): string =>
  descriptions.map((description) => `${JSON.stringify({ description })}\n`).join('');
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const described = (ndjson: string): string[] => jsonLines<{ description: string }>(ndjson).map((it) => it.description);

it('imports and exports as a client whose secret is in a file, and says neither it nor a token', async () => {
  const byFile = {
    ...env,
    ...{ TASKSTREAM_CLIENT_SECRET: '', TASKSTREAM_CLIENT_SECRET_FILE: join(folder, 'secret'), LOG_LEVEL: 'trace' },
  };
  const path = file('two.ndjson', lines('one of the client', 'two of the client'));
  const imported = await runOps(['import', path], byFile);
  expect(imported.code).toBe(0);
  const exported = await runOps(['export'], byFile);
  expect(exported.code).toBe(0);
  expect(described(exported.stdout).sort()).toEqual(['one of the client', 'two of the client']);
  const owners = await api.database.pool.query('SELECT DISTINCT owner FROM tasks');
  expect(owners.rows).toEqual([{ owner: provider.client.id }]);
  const said = [imported, exported].map(({ stdout, stderr }) => stdout + stderr).join('');
  expect(said).not.toContain(provider.client.secret);
  expect(said).not.toMatch(/eyJ[\w-]+\./);
});

it('goes on when its token ends in the middle of a run', async () => {
  const before = await provider.given();
  const [first, second] = [file('first', lines('before its end')), file('second', lines('after its end'))];
  const go = join(folder, 'go');
  const rest = `< <(cat ${first}; until [ -e ${go} ]; do sleep 0.1; done; cat ${second})`;
  const args = ['import', '-', '--format', 'ndjson', '--source', 'slow', '--concurrency', '1'];
  const run = runOpsPiped(args, rest, env);
  await waitFor('the first line', async () => {
    const { rows } = await api.database.pool.query("SELECT FROM tasks WHERE description = 'before its end'");
    return rows.length === 1;
  });
  await delay((LIFETIME_SECONDS + 1) * 1_000);
  writeFileSync(go, '');
  expect((await run).code).toBe(0);
  expect((await provider.given()) - before).toBeGreaterThanOrEqual(2);
  const { stdout } = await runOps(['export'], env);
  expect(described(stdout)).toEqual(expect.arrayContaining(['before its end', 'after its end']));
});

it('ends with one sentence and one question when the secret is wrong', async () => {
  const asked = await provider.asked();
  const path = file('wrong.ndjson', lines(...Array.from({ length: 50 }, (_, n) => `of nobody ${n}`)));
  const { code, stderr } = await runOps(['import', path], { ...env, TASKSTREAM_CLIENT_SECRET: 'wrong-4711' });
  expect(code).toBe(1);
  expect(stderr).toContain(`The issuer ${provider.url} refuses the client worker: invalid_client`);
  expect(stderr).not.toContain('wrong-4711');
  expect((await provider.asked()) - asked).toBe(1);
});

it('waits for an issuer that is away', async () => {
  await provider.be('away');
  const asked = await provider.asked();
  const run = startOps(['import', file('later.ndjson', lines('when it is back'))], env);
  await waitFor('a second question', async () => (await provider.asked()) > asked + 1);
  await provider.be('there');
  expect((await run.ended).code).toBe(0);
});

it('says which caller the API refuses, and asks for no other token where a scope lacks', async () => {
  const before = await provider.given();
  const { code, stderr } = await runOps(['export'], { ...env, TASKSTREAM_SCOPE: 'tasks:write' });
  expect(code).toBe(1);
  expect(stderr).toContain(`${api.url} refuses this caller (client worker of ${provider.url})`);
  expect((await provider.given()) - before).toBe(1);
  const bad = await runOps(['export', '--token', 'none'], env);
  expect(bad.code).toBe(1);
  expect(bad.stderr).toContain(`${api.url} refuses this caller (the token of --token or TASKSTREAM_TOKEN)`);
});

it('names each setting of a client that lacks, and takes no issuer without TLS', async () => {
  const { code, stderr } = await runOps(['export'], { TASKSTREAM_URL: api.url, TASKSTREAM_CLIENT_ID: 'worker' });
  expect(code).toBe(1);
  expect(stderr).toContain('TASKSTREAM_ISSUER: is required with TASKSTREAM_CLIENT_ID');
  expect(stderr).toContain('TASKSTREAM_CLIENT_SECRET: is required with TASKSTREAM_CLIENT_ID');
  const plain = await runOps(['export'], { ...env, TASKSTREAM_INSECURE_ISSUER: 'false' });
  expect([plain.code, plain.stderr.includes('TASKSTREAM_ISSUER: must be an https:// URL')]).toEqual([1, true]);
});

it('has no example that puts a secret on a command line', async () => {
  for (const command of ['import', 'export']) {
    const { stdout } = await runOps([command, '--help'], {});
    expect(stdout).toContain('TASKSTREAM_CLIENT_SECRET_FILE');
    expect(stdout).not.toMatch(/TASKSTREAM_CLIENT_SECRET=/);
  }
  expect(readFileSync('docs/authentication.md', 'utf8')).toContain('TASKSTREAM_CLIENT_SECRET_FILE');
});
