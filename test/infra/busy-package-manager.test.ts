/** apt-get itself, on folders of the test's own, while a real lock is held there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { waitFor } from '../support/wait.ts';

const root = mkdtempSync(join(tmpdir(), 'taskstream-apt-'));
const repository = join(import.meta.dirname, '../..');

beforeAll(() => {
  for (const folder of ['etc/apt/apt.conf.d', 'var/lib/dpkg', 'var/lib/apt/lists/partial', 'var/log/apt'])
    mkdirSync(join(root, folder), { recursive: true });
  mkdirSync(join(root, 'var/cache/apt/archives/partial'), { recursive: true });
  writeFileSync(join(root, 'etc/apt/sources.list'), '');
  writeFileSync(
    join(root, 'var/lib/dpkg/status'),
    'Package: there\nStatus: install ok installed\nMaintainer: nobody\nArchitecture: all\nVersion: 1\nDescription: is there\n\n',
  );
  writeFileSync(
    join(root, 'apt.conf'),
    `Dir "${root}/";\nDir::State::status "${root}/var/lib/dpkg/status";\nAPT::Sandbox::User "root";\n`,
  );
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

/** Holds a lock as apt does, by fcntl(2), until it is killed: `struct flock` of 64-bit Linux. Every Debian has Perl. */
const HOLD = `use Fcntl; open(my $file, '>>', $ARGV[0]) or die $!;
  my $lock = pack('s s x4 q q i x4', F_WRLCK, 0, 0, 0, 0); fcntl($file, F_SETLK, $lock) or die $!;
  $| = 1; print "held"; sleep 60;`;

const INSTALL = `import(process.argv[1]).then(({ installDebianPackages }) =>
  installDebianPackages(process.argv.slice(2), 'for a test')).catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });`;

const install = (name: string) => {
  const script = join(repository, 'infra/local/bootstrap/debian.mjs');
  const child = spawn(process.execPath, ['-e', INSTALL, script, name], {
    env: { PATH: process.env['PATH'], APT_CONFIG: join(root, 'apt.conf'), LANGUAGE: 'de' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()));
  return { child, words: () => words, ended: once(child, 'close') };
};

const isDebian = existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/perl') && process.getuid?.() === 0;

it.skipIf(!isDebian).each(['var/lib/dpkg/lock-frontend', 'var/lib/apt/lists/lock', 'var/cache/apt/archives/lock'])(
  'a package manager whose %s another process holds is waited for, with a word',
  { timeout: 60_000 },
  async (lock) => {
    const holder = spawn('perl', ['-e', HOLD, join(root, lock)], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    const { child, words, ended } = install('there');
    await waitFor('a word', () => words().includes('waiting'), { timeoutMs: 30_000 });
    expect(words()).toContain(`The package manager is busy with process ${holder.pid} (perl): waiting`);
    expect(child.exitCode).toBeNull();
    holder.kill('SIGKILL');
    await ended;
    expect(child.exitCode, words()).toBe(0);
  },
);

it.skipIf(!isDebian)('a package that cannot be had ends the wait at once, with the words of apt', async () => {
  const { child, words, ended } = install('not-there');
  await ended;
  expect(child.exitCode).toBe(1);
  expect(words()).toContain('Unable to locate package not-there');
});

it('CI and the tests install through the same function, and none calls apt-get by itself', () => {
  for (const file of ['.ci/run', 'test/alerts/support/prometheus.mjs', 'test/pooler/pooler.test.ts'])
    expect(readFileSync(join(repository, file), 'utf8')).not.toMatch(/apt-get['" ]*(,|install|update)/);
});
