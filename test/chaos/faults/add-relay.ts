/** One more API comes and publishes beside the others, as while more of them are asked for; then it gets SIGTERM. */
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../../support/wait.ts';
import type { Random } from '../random.ts';
import type { Api, World } from '../world.ts';
import { addSome, stopGracefully, type Fault } from './fault.ts';

/** @returns an API that has published what it took from the others, for the caller to end */
export const addRelay = async ({ apis, startApi }: World, random: Random): Promise<Api[]> => {
  // A seat is free for it, whatever number the others were started with.
  const start = () => startApi({ RELAY_LANES: String(apis.length + 1) });
  return addSome(apis, 1, start, async ([added]) => {
    await waitFor(
      'the relay that came to publish',
      async () =>
        added !== undefined &&
        (await added.metric('taskstream_relay_slots')) > 0 &&
        (await added.metric('taskstream_relay_published_total')) > 0,
      { timeoutMs: 60_000 },
    );
    await sleep(random.int(0, 3_000));
  });
};

export const addedRelay: Fault = {
  name: 'add-relay',
  graceful: true,
  touches: ['apis'],
  inject: async (world, random) => {
    await stopGracefully(await addRelay(world, random));
  },
};
