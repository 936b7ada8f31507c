/** Asks the broker again and again how many events wait in this process's partitions. */
import type { Logger } from '../../platform/logger.ts';
import { sleep } from '../../platform/time.ts';
import type { GroupClient } from './group-client.ts';
import type { IndexerMetrics } from './metrics.ts';

export interface LagMonitorOptions {
  /** Label of the figures. */
  readonly entity: string;
  readonly client: Pick<GroupClient, 'lag'>;
  readonly partitions: () => readonly number[];
  readonly intervalMs: number;
  readonly metrics: IndexerMetrics;
  readonly logger: Logger;
  /** Told the lag by partition, whenever the broker answered. */
  readonly onLag: (lag: ReadonlyMap<number, number>) => void;
}

/** Runs until `signal` aborts. A broker that does not answer leaves the last figures standing. */
export const monitorLag = async (options: LagMonitorOptions, signal: AbortSignal): Promise<void> => {
  const { entity, client, partitions, intervalMs, metrics, logger, onLag } = options;
  let shown: readonly number[] = [];
  while (!signal.aborted) {
    try {
      const lag = await client.lag(partitions());
      // Partitions that went to another process must not keep their last figure here.
      for (const partition of shown) if (!lag.has(partition)) metrics.lag.remove({ entity, partition });
      for (const [partition, events] of lag) metrics.lag.set({ entity, partition }, events);
      shown = [...lag.keys()];
      onLag(lag);
    } catch (error) {
      logger.debug({ err: error }, 'no answer about the lag');
    }
    await sleep(intervalMs, signal);
  }
};
