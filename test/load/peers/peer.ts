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

export interface Peer extends Publisher {
  /** What PostgreSQL needs for it, by the names of its documentation. */
  readonly postgresSettings?: Readonly<Record<string, string>>;
  /** What the relay is to reach: times its events a second, and of its CPU for each, that of PostgreSQL included. */
  readonly goals?: { readonly rate: number; readonly cpu: number };
  readonly close?: () => Promise<void>;
}

/** What each other file of this folder has as `open`. */
export type OpenPeer = () => Promise<Peer>;
