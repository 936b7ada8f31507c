/**
 * A consumer that knows another assignment strategy has the group when the indexers come: they wait until it leaves. With
 * GROUP_PROTOCOL=consumer they share the partitions with it, and what it took is theirs when it has left.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectClient, createNativeConsumer, disconnectConsumer } from '../../../services/platform/kafka/native.ts';
import { waitFor } from '../../support/wait.ts';
import { stopGracefully, type Fault } from './fault.ts';

export const foreignMember: Fault = {
  name: 'foreign-member',
  graceful: false,
  touches: ['indexers', 'kafka'],
  inject: async ({ servers, topics, group, indexers, startIndexer }, random) => {
    const away = indexers.splice(0);
    await stopGracefully(away);
    const foreign = createNativeConsumer({
      'bootstrap.servers': servers.urls.kafka,
      'group.id': group,
      'partition.assignment.strategy': 'range',
      'enable.auto.commit': false,
    });
    await connectClient(foreign, 30_000);
    foreign.setDefaultConsumeTimeout(100);
    foreign.subscribe([topics.tasks]);
    const polling = setInterval(() => {
      foreign.consume(1, () => undefined);
    }, 200);
    try {
      await waitFor('the other member to have the group', () => foreign.assignments().length > 0);
    } finally {
      // With classic they are ready only when it has left.
      const started = Promise.all(away.map(startIndexer));
      await sleep(random.int(3_000, 8_000));
      clearInterval(polling);
      await disconnectConsumer(foreign);
      await started;
    }
  },
};
