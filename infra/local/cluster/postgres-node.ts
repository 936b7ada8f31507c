/**
 * PostgreSQL as one of three: what its primary and its standbys are told, and how a standby is made.
 * Settings that change are in `postgresql.auto.conf`, as those of the command line could not change while it runs.
 */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { LOOPBACK } from '../embedded-server.ts';
import { PASSWORD, startPostgres, USER } from '../postgres.ts';
import { serverUser } from '../postgres-user.ts';
import { ClusterNode } from './node.ts';

/** The receivers and senders of WAL notice a silent peer as under CloudNativePG. */
const SETTINGS = {
  wal_receiver_timeout: '5s',
  wal_sender_timeout: '5s',
  // In place of replication slots: what a standby may miss, and what is written while it is copied.
  wal_keep_size: '512MB',
};
const ASK_MS = 2_000;

export interface PostgresNodeOptions {
  /** For clients. */
  readonly port: number;
  /** For the other nodes, and for who watches over all of them: its line, where it has one. */
  readonly peerPort?: number;
  /** Of the whole cluster. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
}

export class PostgresNode extends ClusterNode {
  readonly port: number;
  readonly dataDir: string;
  readonly #peerPort: number;

  constructor(name: string, { port, peerPort = port, folder, env = {} }: PostgresNodeOptions) {
    const dataDir = join(folder, name);
    const logFile = join(folder, 'logs', `${name}.log`);
    super(name, 'postgres', () => startPostgres({ dataDir, port, logFile, settings: SETTINGS, env }));
    this.port = port;
    this.dataDir = dataDir;
    this.#peerPort = peerPort;
  }

  /**
   * One statement on a connection of its own.
   * @throws when no answer comes in time
   */
  async ask<Row extends pg.QueryResultRow>(statement: string): Promise<Row[]> {
    const client = new pg.Client({
      ...{ host: LOOPBACK, port: this.#peerPort, user: USER, password: PASSWORD, database: 'postgres' },
      ...{ connectionTimeoutMillis: ASK_MS, query_timeout: ASK_MS },
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query<Row>(statement)).rows;
    } finally {
      // One that hangs is not waited for.
      void client.end().catch(() => undefined);
    }
  }

  /** Writes its settings, which count from its start, or at once when it runs. */
  configure(settings: Readonly<Record<string, string>>): void {
    const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`);
    writeFileSync(join(this.dataDir, 'postgresql.auto.conf'), lines.join(''));
    this.signal('SIGHUP');
  }

  /** The settings of a standby of `primary`; of one that follows nobody when that is not given. */
  follow(primary: PostgresNode | undefined): void {
    const from = primary && `host=${LOOPBACK} port=${primary.#peerPort} user=${USER} password=${PASSWORD}`;
    this.configure({ primary_conninfo: from === undefined ? '' : `${from} application_name=${this.name}` });
  }

  /** Throws away what it has, and makes it a standby from a fresh base backup of `primary`; it must not run. */
  async copyFrom(primary: PostgresNode): Promise<void> {
    const user = serverUser();
    const staging = `${this.dataDir}.incomplete`;
    for (const folder of [staging, this.dataDir]) rmSync(folder, { recursive: true, force: true });
    mkdirSync(staging);
    chmodSync(staging, 0o700);
    const client = new pg.Client({
      ...{ host: LOOPBACK, port: primary.#peerPort, user: USER, password: PASSWORD, database: 'postgres' },
      // One that is frozen meanwhile must not hold up the next failover.
      ...{ connectionTimeoutMillis: 5_000, query_timeout: 60_000 },
    });
    client.on('error', () => undefined);
    await client.connect();
    try {
      await client.query("SELECT pg_backup_start('copy', true)");
      const entries = readdirSync(primary.dataDir).filter((name) => !NOT_COPIED.test(name));
      // As root it keeps the owner. What PostgreSQL removes meanwhile is not missed: its log says so too.
      await promisify(execFile)('cp', ['-a', ...entries.map((name) => join(primary.dataDir, name)), staging], {
        env: { ...process.env, LC_ALL: 'C' },
      }).catch((error: unknown) => {
        if (!/^(cp: .*No such file or directory\s*)+$/.test(stderrOf(error))) throw error;
      });
      const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
      writeFileSync(join(staging, 'backup_label'), rows[0]?.labelfile ?? '');
    } finally {
      await client.end();
    }
    writeFileSync(join(staging, 'standby.signal'), '');
    mkdirSync(join(staging, 'pg_wal'), { mode: 0o700 });
    for (const name of ['', 'backup_label', 'standby.signal', 'pg_wal']) user.own(join(staging, name));
    renameSync(staging, this.dataDir);
    this.follow(primary);
  }
}

/** WAL is streamed, and the others belong to the running server. */
const NOT_COPIED = /^(pg_wal|postmaster\.(pid|opts)|backup_label.*|standby\.signal)$/;

const stderrOf = (error: unknown): string =>
  error instanceof Error && 'stderr' in error && typeof error.stderr === 'string' ? error.stderr : String(error);
