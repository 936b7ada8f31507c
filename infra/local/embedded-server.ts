/** What all embedded servers have in common. */
import type { Exit } from './child.ts';

export interface EmbeddedServer {
  readonly name: string;
  /** Where clients connect: a URL, or `host:port` for Kafka. */
  readonly url: string;
  readonly port: number;
  /** The server's own process, not a wrapper's. */
  readonly pid: number;
  readonly logFile: string;
  /** Stops it gracefully, or with SIGKILL when it takes too long; resolves when it is gone. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash; resolves when it is gone. Start it again with the same options to go on with its data. */
  kill(): Promise<void>;
  readonly exited: Promise<Exit>;
}

export interface ServerOptions {
  /** Folder of the server's data; made when absent, reused when not. */
  readonly dataDir: string;
  readonly port: number;
  /** File that the server's output is appended to. */
  readonly logFile: string;
  /** Address to listen on, which is also the one in `url`; the loopback interface unless given. */
  readonly host?: string;
  /** Added to the environment of its process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The address that servers listen on unless told otherwise: nothing outside this machine reaches them. */
export const LOOPBACK = '127.0.0.1';

/** A host as a URL or a list of brokers has it: an IPv6 address in brackets. */
export const inUrl = (host: string): string => (host.includes(':') ? `[${host}]` : host);
