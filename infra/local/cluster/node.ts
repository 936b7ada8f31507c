/** A node of a cluster: a server that may be killed, stand still and come back, while the others go on. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { EmbeddedServer } from '../embedded-server.ts';
import { watchGroup } from '../reaper.ts';
import type { ServerKind } from '../servers.ts';

export class ClusterNode {
  readonly name: string;
  readonly kind: ServerKind;
  readonly #begin: () => Promise<EmbeddedServer>;
  #server: EmbeddedServer | undefined;
  /** Releases of what stands still; empty when it runs. */
  #paused: (() => void)[] = [];

  constructor(name: string, kind: ServerKind, begin: () => Promise<EmbeddedServer>) {
    this.name = name;
    this.kind = kind;
    this.#begin = begin;
  }

  get isRunning(): boolean {
    return this.#server !== undefined;
  }

  get isPaused(): boolean {
    return this.#paused.length > 0;
  }

  /** The server's own process, while it runs. */
  get pid(): number | undefined {
    return this.#server?.pid;
  }

  /** Inodes of the sockets that its processes hold (Linux). */
  sockets(): string[] {
    const files = this.pid === undefined ? [] : familyOf(this.pid).flatMap(filesOf);
    return files.flatMap((file) => /^socket:\[(\d+)\]$/.exec(file)?.[1] ?? []);
  }

  /** @throws UserError when it does not come up */
  async start(): Promise<EmbeddedServer> {
    const server = await this.#begin();
    this.#server = server;
    void server.exited.then(() => {
      if (this.#server === server) this.#server = undefined;
      this.#release();
    });
    return server;
  }

  /** Gracefully; nothing happens when it does not run. */
  async stop(): Promise<void> {
    this.resume();
    await this.#server?.stop();
  }

  /** SIGKILL to all of its processes at once, as when its machine is gone. */
  async kill(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    for (const pid of familyOf(server.pid)) send(pid, 'SIGKILL');
    await server.exited;
  }

  /** SIGQUIT, by which PostgreSQL ends at once; resolves when it is gone. */
  async quit(): Promise<void> {
    const server = this.#server;
    this.signal('SIGQUIT');
    await server?.exited;
  }

  /** To the server's own process, as far as it runs. */
  signal(signal: NodeJS.Signals): void {
    if (this.#server !== undefined) send(this.#server.pid, signal);
  }

  /** SIGSTOP to all of its processes: no connection ends, and nobody answers. */
  pause(): void {
    if (this.#server === undefined || this.isPaused) return;
    const [main = 0] = familyOf(this.#server.pid);
    // First the one that starts the others.
    send(main, 'SIGSTOP');
    for (const pid of familyOf(main)) {
      send(pid, 'SIGSTOP');
      // PostgreSQL's backends lead groups of their own, and one that stands still would outlive all of us.
      this.#paused.push(pid === main ? () => undefined : watchGroup(pid));
    }
  }

  /** Nothing happens when it does not stand still. */
  resume(): void {
    if (this.#server === undefined || !this.isPaused) return;
    for (const pid of familyOf(this.#server.pid).reverse()) send(pid, 'SIGCONT');
    this.#release();
  }

  #release(): void {
    for (const release of this.#paused) release();
    this.#paused = [];
  }
}

/** A process and its children, it itself first. */
const familyOf = (pid: number): number[] => {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return [pid, ...children.split(' ').filter(Boolean).map(Number)];
  } catch {
    // Not Linux: a JVM has no children, and those of PostgreSQL end behind it.
    return [pid];
  }
};

/** What a process has open; nothing when it is gone. */
const filesOf = (pid: number): string[] => {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((number) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${number}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
};

/** It may have ended by itself. */
const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch {
    return;
  }
};
