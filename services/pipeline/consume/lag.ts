/** Asks the broker again and again how many events are still to be read and settled in this process's partitions. */
import type { Logger } from '../../platform/logger.ts';
import { sleep } from '../../platform/time.ts';
import type { GroupClient, LagReading } from './group-client.ts';
import type { IndexerMetrics } from './metrics.ts';

export interface LagMonitorOptions {
  /** Label of the figures. */
  readonly entity: string;
  readonly client: Pick<GroupClient, 'lag'>;
  /** Next offset to settle, by partition of this process. */
  readonly positions: () => ReadonlyMap<number, number | undefined>;
  readonly intervalMs: number;
  readonly metrics: IndexerMetrics;
  readonly logger: Logger;
  /** Called with every answer, and with an empty one when no broker answers. */
  readonly onLag: (reading: LagReading) => void;
}

/** Runs until `signal` aborts. What cannot be measured has no figure: an old one would say that nothing changes. */
export const monitorLag = async (options: LagMonitorOptions, signal: AbortSignal): Promise<void> => {
  const { entity, client, positions, intervalMs, metrics, logger, onLag } = options;
  let shown: readonly number[] = [];
  while (!signal.aborted) {
    const reading = await client.lag(positions()).catch((error: unknown): LagReading => {
      logger.debug({ err: error }, 'no answer about the lag');
      return { lag: new Map(), behindTransaction: new Map(), gone: [] };
    });
    const { lag, behindTransaction } = reading;
    for (const partition of shown) if (!lag.has(partition)) metrics.lag.remove({ entity, partition });
    for (const [partition, events] of lag) {
      metrics.lag.set({ entity, partition }, events + (behindTransaction.get(partition) ?? 0));
    }
    shown = [...lag.keys()];
    onLag(reading);
    await sleep(intervalMs, signal);
  }
};
