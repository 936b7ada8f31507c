/** PostgreSQL stops in immediate mode, as after a crash, and recovers. */
import type { Fault } from './fault.ts';

export const restartDatabase: Fault = {
  name: 'restart-database',
  graceful: false,
  touches: ['postgres', 'clock'],
  inject: async ({ servers }, random) => {
    await servers.restart('postgres', random.int(0, 2_000), 'SIGQUIT');
  },
};
