/** Who does the work of the relay beside it, in the same run. */
import type { Stack } from '../stack.ts';

/** What publishes the outbox of a stack. */
export interface Publisher {
  /** What its CPU is counted under. */
  readonly name: string;
  /** Before any row is there. */
  readonly prepare?: (stack: Stack) => Promise<void>;
  readonly start: (stack: Stack) => Promise<readonly Publishing[]>;
}

/** A process of it. */
export interface Publishing {
  readonly pid: number;
  readonly stop?: () => Promise<void>;
}

export interface OtherRelease {
  readonly version: string;
  /** Folder of its sources. */
  readonly checkout: string;
}

export interface Peer extends Publisher {
  /** What PostgreSQL needs for it, by the names of its documentation. */
  readonly postgresSettings?: Readonly<Record<string, string>>;
  /** What the relay is to reach: times its events a second, and of its CPU for each, that of PostgreSQL and Kafka included. */
  readonly goals?: { readonly rate: number; readonly cpu: number };
  /** Where it is another release, both of whose services can be started. */
  readonly release?: OtherRelease;
  readonly close?: () => Promise<void>;
}

/** What each other file of this folder exports. */
export interface PeerModule {
  /** Which benches can measure it. The servers are set up for it, which others must not meet. */
  readonly benches: readonly string[];
  readonly open: () => Promise<Peer>;
}
