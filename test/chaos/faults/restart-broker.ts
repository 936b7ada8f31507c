/** The broker is killed, and comes back after a moment. */
import type { Fault } from './fault.ts';

export const restartBroker: Fault = {
  name: 'restart-broker',
  graceful: false,
  touches: ['kafka', 'topic'],
  inject: async ({ servers }, random) => {
    await servers.restart('kafka', random.int(0, 3_000), 'SIGKILL');
  },
};
