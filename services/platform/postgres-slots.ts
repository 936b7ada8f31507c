/**
 * A pool whose slots stay taken for as long as the server works on what they asked.
 *
 * The driver gives a statement up after `query_timeout`, and the pool closes its connection and opens another. The server
 * notices neither while it is in a commit that waits for a synchronous standby: with the standby away each such statement would leave
 * a session behind, until the server takes no more. It cannot be ended either: a wait that is cancelled is reported as a
 * success, and what it wrote is then on this server only.
 */
import { DatabaseError, Pool, type PoolClient, type PoolConfig } from 'pg';
import { Gauge, type Registry } from 'prom-client';
import { codeOf, messageOf, TaskstreamError } from './errors.ts';
import type { Logger } from './logger.ts';
import { sleep } from './time.ts';

/** A session of the server: its process id may belong to another one later, and its beginning tells them apart. */
export interface Session {
  readonly pid: number;
  /** In seconds since 1970, as PostgreSQL prints it. */
  readonly startedAt: string;
}

/** What a session does with a statement that nobody waits for any more. */
export type Work = 'works' | 'waits for a standby';

export interface SlotOptions {
  /** What is known of a connection's session; nothing while it begins. */
  readonly sessionOf: (client: PoolClient) => Session | undefined;
  /**
   * Asks over another connection which of the sessions still work, by their pids. Bounded in time.
   * @throws DatabaseError when a server answers and does not say; another error when none answers
   */
  readonly ask: (sessions: readonly Session[]) => Promise<ReadonlyMap<number, Work>>;
  /** Whether nothing more is begun while a commit waits for a standby: all later ones would wait behind it. */
  readonly refusesWhileCommitsWait: boolean;
  readonly logger: Logger;
}

/** The driver's words for the end of `query_timeout`. */
const READ_TIMEOUT = 'Query read timeout';
/** How often the server is asked what it still does. */
const ASK_MS = 1_000;
const RETRY_AFTER_SECONDS = 5;

/** How long a pool makes do with the connections that it has before it tries a new one again. */
const MAKE_DO_MS = 1_000;
/**
 * PostgreSQL refuses the login (28), or its certificate is not to be trusted, in OpenSSL's words (Node.js, tls, "X509
 * certificate error codes"): what was renewed there may not be in our files yet. No connection that is open depends on it.
 */
const STALE = /^28|CERT|SELF_SIGNED|UNABLE_TO_/;
const isStale = (error: unknown): error is Error => error instanceof Error && STALE.test(String(codeOf(error)));

interface KeptSlot {
  readonly session: Session;
  /** Closes the connection; does nothing when the slot is free already. */
  readonly drop: () => void;
  /** As the server last said; nothing before it did. */
  work: Work | undefined;
}

type ConnectCallback = Parameters<Pool['connect']>[0];

/**
 * Whoever waits for a statement is answered after the driver's timeout. The slot is free again when the server has answered,
 * when the connection ends, or when the server, asked over another connection, does not know the session any more, or is away.
 */
export class SlotPool extends Pool {
  readonly #slots: SlotOptions;
  readonly #most: number;
  readonly #kept = new Set<KeptSlot>();
  #isEnding = false;
  #isWatching = false;
  #wasWaiting = false;
  /** Connections that are open, those that still connect not included. */
  #established = 0;
  /** Why the last new connection was refused; nothing once one is there. */
  #stale: Error | undefined;
  /** Runs out when a new one may be tried. */
  #pause: NodeJS.Timeout | undefined;
  #isTrying = false;
  #mayOpen = true;
  /** Those that wait for a connection; each is told once why there is none. */
  readonly #waiting = new Set<(reason: Error) => void>();

  constructor(config: PoolConfig & { readonly max: number }, slots: SlotOptions) {
    super(config);
    this.#slots = slots;
    this.#most = config.max;
    // While new connections are refused, the pool takes itself for full, however few it has.
    Object.defineProperty(this.options, 'max', { get: () => (this.#mayOpen ? this.#most : this.totalCount) });
    this.on('connect', () => {
      this.#established += 1;
      // It is for one of them.
      this.#recover(this.#waiting.size - 1);
    });
    this.on('remove', () => {
      this.#established -= 1;
      this.#tell();
    });
  }

  /** Commits that have waited for a synchronous standby for longer than a statement may take. */
  get commitsWaiting(): number {
    return [...this.#kept].filter(({ work }) => work === 'waits for a standby').length;
  }

  override connect(): Promise<PoolClient>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<PoolClient> | undefined {
    if (callback !== undefined) {
      this.#connect(callback);
      return undefined;
    }
    return new Promise((resolve, reject) => {
      this.#connect((error, client) => {
        if (client === undefined) reject(error ?? new TaskstreamError('internal', 'the pool gave no connection'));
        else resolve(client);
      });
    });
  }

  /** Does not wait for what the server still does: those sessions end with their work. */
  override end(): Promise<void>;
  override end(callback: () => void): void;
  override end(callback?: () => void): Promise<void> | undefined {
    this.#isEnding = true;
    clearTimeout(this.#pause);
    for (const slot of [...this.#kept]) slot.drop();
    const ended = super.end();
    if (callback === undefined) return ended;
    void ended.then(callback);
    return undefined;
  }

  #connect(callback: ConnectCallback): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      callback(refusal, undefined, () => undefined);
      return;
    }
    const wait = (reason: Error): void => {
      callback(reason, undefined, () => undefined);
    };
    // Nothing is open, and nothing may be tried yet.
    if (this.#stale !== undefined && this.totalCount === 0 && this.#pause !== undefined) {
      wait(this.#stale);
      return;
    }
    this.#waiting.add(wait);
    super.connect((error, client, done) => {
      // It was told meanwhile why there is none.
      if (!this.#waiting.delete(wait)) {
        if (client !== undefined) done();
        return;
      }
      if (client === undefined) {
        if (isStale(error)) {
          this.#makeDo(error);
          // It waits for one of those.
          if (this.totalCount > 0) {
            this.#connect(callback);
            return;
          }
        }
        callback(error, client, done);
        return;
      }
      const release = (reason?: Error | boolean): void => {
        const session = this.#slots.sessionOf(client);
        const isUnanswered = reason instanceof Error && reason.message === READ_TIMEOUT;
        if (isUnanswered && session !== undefined && !this.#isEnding) this.#keep(client, done, session, reason);
        else done(reason);
      };
      client.release = release;
      callback(error, client, release);
      // It may have taken the last that was idle.
      if (this.#stale !== undefined && this.#pause === undefined && this.#waiting.size > 0) this.#try();
    });
    if (this.#stale !== undefined && this.#pause === undefined) this.#try();
  }

  /**
   * With the connections that are open, be they fewer than there may be; one at a time is tried for all who wait, once a second.
   * Without any, all are told, and so is who comes before the next try. None ends for being idle before a new one is made.
   */
  #makeDo(reason: Error): void {
    this.#stale = reason;
    this.#mayOpen = false;
    this.options.min = this.#most;
    if (this.#pause === undefined) {
      this.#slots.logger.warn(
        { reason: reason.message, connections: this.#established },
        'no new PostgreSQL connection can be made',
      );
      this.#pause = setTimeout(() => {
        this.#pause = undefined;
        if (this.#waiting.size > 0) this.#try();
      }, MAKE_DO_MS).unref();
    }
    this.#tell();
  }

  /** Where nothing is open, nor about to be, nobody waits in vain. */
  #tell(): void {
    const reason = this.#stale;
    if (reason === undefined || this.totalCount > 0) return;
    for (const tell of [...this.#waiting]) {
      this.#waiting.delete(tell);
      tell(reason);
    }
  }

  #try(): void {
    if (this.#isTrying || this.#isEnding || this.idleCount > 0 || this.totalCount >= this.#most) return;
    this.#isTrying = true;
    this.#mayOpen = true;
    this.#open();
    this.#mayOpen = false;
  }

  /** Opens a connection for whoever waits first. */
  #open(): void {
    super.connect((error, client, done) => {
      this.#isTrying = false;
      if (client !== undefined) done();
      else if (isStale(error)) this.#makeDo(error);
      // Something else is wrong now, of which those that wait will hear.
      else this.#recover(this.#waiting.size);
    });
  }

  /** New connections are made again, or fail by themselves. @param missing how many are wanted for those that wait */
  #recover(missing: number): void {
    if (this.#stale === undefined) return;
    this.#stale = undefined;
    this.#mayOpen = true;
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.options.min = 0;
    const most = Math.min(missing, this.#most - this.totalCount);
    for (let count = 0; count < most; count += 1) this.#open();
  }

  #refusal(): TaskstreamError | undefined {
    const slots = [...this.#kept];
    const retry = { retriable: true, retryAfterSeconds: RETRY_AFTER_SECONDS };
    if (this.#slots.refusesWhileCommitsWait && this.commitsWaiting > 0) {
      return new TaskstreamError(
        'database_unavailable',
        'Nothing was written: earlier writes still wait for a standby of the database. Repeat it later.',
        retry,
      );
    }
    if (slots.length >= this.#most && slots.every(({ work }) => work !== undefined)) {
      return new TaskstreamError(
        'database_unavailable',
        'Nothing was done: the database still works on earlier requests. Repeat it later.',
        retry,
      );
    }
    return undefined;
  }

  #keep(client: PoolClient, release: (reason?: Error) => void, session: Session, error: Error): void {
    const free = (reason?: Error): void => {
      client.off('drain', onDrain);
      client.off('end', drop);
      this.#kept.delete(slot);
      release(reason);
      this.#report();
    };
    const drop = (): void => {
      if (this.#kept.has(slot)) free(error);
    };
    // The server has answered, whatever it was: the session is as good as before.
    const onDrain = (): void => {
      free();
    };
    const slot: KeptSlot = { session, drop, work: undefined };
    this.#kept.add(slot);
    client.once('drain', onDrain);
    client.once('end', drop);
    if (!this.#isWatching) void this.#watch();
  }

  async #watch(): Promise<void> {
    this.#isWatching = true;
    while (this.#kept.size > 0) {
      await this.#look();
      if (this.#kept.size > 0) await sleep(ASK_MS);
    }
    this.#isWatching = false;
  }

  async #look(): Promise<void> {
    const asked = [...this.#kept];
    try {
      const working = await this.#slots.ask(asked.map(({ session }) => session));
      for (const slot of asked) {
        slot.work = working.get(slot.session.pid);
        if (slot.work === undefined) slot.drop();
      }
      this.#report();
    } catch (error) {
      const reason = messageOf(error);
      // One that has no room for the question, that starts, or whose renewed certificate is not trusted yet, may still work.
      const isAway = !(error instanceof DatabaseError || isStale(error));
      this.#slots.logger.warn(
        { reason, isAway, slots: this.#kept.size },
        'PostgreSQL does not say what it still works on',
      );
      if (isAway) for (const slot of [...this.#kept]) slot.drop();
    }
  }

  #report(): void {
    const waiting = this.commitsWaiting;
    if (waiting > 0 === this.#wasWaiting) return;
    this.#wasWaiting = waiting > 0;
    const { logger, refusesWhileCommitsWait } = this.#slots;
    if (waiting > 0) logger.error({ waiting, refusesWhileCommitsWait }, 'commits wait for a synchronous standby');
    else logger.info('no commit waits for a synchronous standby any more');
  }
}

export const observeCommits = (pool: Pick<SlotPool, 'commitsWaiting'>, registry: Registry): void => {
  new Gauge({
    name: 'taskstream_database_commits_waiting',
    help: 'Commits that have waited for a synchronous standby for longer than a statement may take; while there are any, writes are refused.',
    registers: [registry],
    collect() {
      this.set(pool.commitsWaiting);
    },
  });
};
