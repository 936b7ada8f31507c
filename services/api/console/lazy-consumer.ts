/**
 * A Kafka consumer that connects when it is first wanted, and can be closed and wanted again.
 * It bears the indexers' group id, as only their group may be asked about; it subscribes to nothing, so it never joins,
 * and it commits nothing.
 */
import { TaskstreamError } from '../../platform/errors.ts';
import { assignedConsumerSettings, WITH_OPEN_TRANSACTIONS, type KafkaConfig } from '../../platform/kafka/settings.ts';
import {
  connectPatiently,
  createNativeConsumer,
  disconnectConsumer,
  type NativeConsumer,
} from '../../platform/kafka/native.ts';
import type { Logger } from '../../platform/logger.ts';

export interface LazyConsumer {
  /** Retries until a broker answers. @throws when it is closed before */
  readonly connected: () => Promise<NativeConsumer>;
  readonly close: () => Promise<void>;
}

export interface LazyConsumerOptions {
  readonly config: KafkaConfig;
  readonly group: string;
  /** Whether a partition's end lies behind what is still in a transaction. */
  readonly withOpenTransactions?: boolean;
  readonly logger: Logger;
}

export const createLazyConsumer = (options: LazyConsumerOptions): LazyConsumer => {
  const { config, group, withOpenTransactions = false, logger } = options;
  let stop = new AbortController();
  let connecting: Promise<NativeConsumer> | undefined;
  const create = () =>
    createNativeConsumer({
      ...assignedConsumerSettings(config, 'taskstream-console', group),
      // An event is looked for that somebody watches: it should not wait for others to fill a response.
      'fetch.wait.max.ms': 20,
      ...(withOpenTransactions ? WITH_OPEN_TRANSACTIONS : {}),
    });
  return {
    connected: () => {
      connecting ??= connectPatiently('Kafka consumer of the console', create, logger, stop.signal);
      return connecting;
    },
    close: async () => {
      stop.abort(new TaskstreamError('stopped', 'nobody watches the console'));
      stop = new AbortController();
      const open = connecting;
      connecting = undefined;
      const client = await open?.catch(() => undefined);
      if (client !== undefined) await disconnectConsumer(client);
    },
  };
};
