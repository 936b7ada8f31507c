/** The index refuses writes, as Elasticsearch makes it when the disk is full. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './fault.ts';

export const floodDisk: Fault = {
  name: 'flood-disk',
  graceful: true,
  touches: ['index'],
  inject: async ({ index }, random) => {
    const block = (value: boolean | null) =>
      index.client.indices.putSettings({
        index: index.index,
        settings: { 'index.blocks.read_only_allow_delete': value },
      });
    await block(true);
    await sleep(random.int(1_000, 5_000));
    await block(null);
  },
};
