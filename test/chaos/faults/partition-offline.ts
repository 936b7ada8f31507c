/** The second of two brokers is killed: its partitions have no copy elsewhere, and wait until it is back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readEnv } from '../../../services/platform/env.ts';
import { createTopicReader } from '../../../services/platform/kafka/reader.ts';
import { kafkaEnv } from '../../../services/platform/kafka/settings.ts';
import { createLogger } from '../../../services/platform/logger.ts';
import { waitFor } from '../../support/wait.ts';
import type { Fault } from './fault.ts';

const logger = createLogger({ service: 'test', level: 'silent' });

export const partitionOffline: Fault = {
  name: 'partition-offline',
  graceful: false,
  touches: ['kafka', 'topic'],
  hasTwoBrokers: true,
  inject: async ({ servers, topics }, random) => {
    const reader = await createTopicReader(readEnv(kafkaEnv, { KAFKA_BROKERS: servers.urls.kafka }), {
      logger,
      signal: AbortSignal.timeout(60_000),
    });
    await servers.endSecondBroker('SIGKILL');
    await waitFor(
      'a partition to be offline',
      async () => [...(await reader.endsByPartition(topics.tasks)).values()].includes(undefined),
      { timeoutMs: 60_000 },
    );
    await reader.close();
    await sleep(random.int(0, 12_000));
    await servers.startSecondBroker();
  },
};
