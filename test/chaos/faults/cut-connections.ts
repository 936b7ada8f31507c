/** Connections between the services and a server are cut, or pass nothing on, a few times. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './fault.ts';

export const cutConnections: Fault = {
  name: 'cut-connections',
  graceful: false,
  inject: async ({ servers }, random) => {
    for (let round = 0; round < 3; round += 1) {
      const proxy = servers.proxies[random.pick(['postgres', 'kafka', 'elasticsearch'] as const)];
      if (random.chance(50)) proxy.cut();
      else proxy.blackHole();
      await sleep(random.int(200, 3_000));
      proxy.restore();
      await sleep(random.int(0, 500));
    }
    return undefined;
  },
};
