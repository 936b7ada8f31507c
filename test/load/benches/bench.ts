import type { Report } from '../measurement.ts';
import type { Peer } from '../peers/peer.ts';
import type { BenchServers } from '../stack.ts';

export interface BenchContext {
  readonly servers: BenchServers;
  readonly report: Report;
  /** What is measured beside this release. */
  readonly peers: readonly Peer[];
  /** Shorter and with less data: to see whether it runs, not how fast. */
  readonly isQuick: boolean;
}

export interface Bench {
  readonly run: (context: BenchContext) => Promise<void>;
}
