import type { PreviousRelease } from '../../support/previous-release.ts';
import type { Report } from '../measurement.ts';
import type { BenchServers } from '../stack.ts';

/** What is measured beside this release, in the same run. */
export interface Peers {
  readonly previous?: PreviousRelease;
  /** Folder of Debezium Server. */
  readonly debezium?: string;
}

export interface BenchContext {
  readonly servers: BenchServers;
  readonly report: Report;
  readonly peers: Peers;
  /** Shorter and with less data: to see whether it runs, not how fast. */
  readonly isQuick: boolean;
}

export interface Bench {
  readonly run: (context: BenchContext) => Promise<void>;
}
