import type { Report } from '../measurement.ts';
import type { BenchServers } from '../stack.ts';

export interface BenchContext {
  readonly servers: BenchServers;
  readonly report: Report;
  /** Shorter and with less data: to see whether it runs, not how fast. */
  readonly isQuick: boolean;
}

export interface Bench {
  /** How `--only` calls it. */
  readonly name: string;
  readonly description: string;
  readonly run: (context: BenchContext) => Promise<void>;
}
