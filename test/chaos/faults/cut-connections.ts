/** Connections between two parts are cut, or pass nothing on, a few times. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProxyMode } from '../../support/tcp-proxy.ts';
import type { Random } from '../random.ts';
import { LINKS } from '../servers.ts';
import type { World } from '../world.ts';
import type { Fault } from './fault.ts';

/** One connection of all that there are: between two parts, or between clients and an API. */
export const pickLink = ({ servers, apis }: World, random: Random): ((mode: ProxyMode) => Promise<void>) => {
  const link = random.pick([...LINKS, 'client-api'] as const);
  if (link !== 'client-api') return (mode) => servers.setLink(link, mode);
  const { proxy } = random.pick(apis);
  return (mode) => {
    proxy.set(mode);
    return Promise.resolve();
  };
};

export const cutConnections: Fault = {
  name: 'cut-connections',
  graceful: false,
  touches: ['links'],
  inject: async (world, random) => {
    for (let round = 0; round < 3; round += 1) {
      const set = pickLink(world, random);
      await set(random.chance(50) ? { kind: 'cut' } : { kind: 'black hole' });
      await sleep(random.int(200, 3_000));
      await set({ kind: 'open' });
      await sleep(random.int(0, 500));
    }
  },
};
