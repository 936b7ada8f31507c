/**
 * The topic is deleted with all that it holds, and created again with another number of partitions, as
 * docs/runbooks/broker-lost.md describes it: who fails liveness is restarted, and what was not yet read is published again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { runOps } from '../../support/ops.ts';
import { stopProcess } from '../../support/process.ts';
import type { World } from '../world.ts';
import { opsEnv, type Fault } from './fault.ts';
import { drained } from './fill-outbox.ts';

const PROBE_MS = 5_000;

/** Does what a kubelet does, until `signal` aborts. */
const restartWhatFails = async ({ indexers, startIndexer }: World, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    for (const indexer of [...indexers]) {
      if ((await fetch(`${indexer.healthUrl}/livez`)).ok) continue;
      indexers.splice(indexers.indexOf(indexer), 1);
      await stopProcess(indexer);
      await startIndexer();
    }
    await sleep(PROBE_MS, undefined, { signal }).catch(() => undefined);
  }
};

export const topicRecreated: Fault = {
  name: 'topic-recreated',
  graceful: false,
  touches: ['topic', 'kafka', 'indexers'],
  isAlone: true,
  inject: async (world, random, history) => {
    const { topics, database } = world;
    await topics.recreate(random.pick([3, 6, 9]));
    // What was committed by now may have been published to the old topic.
    const before = await database.versions();
    history.restored = new Map([...before].map(([id, version]) => [id, version + 1]));
    const done = new AbortController();
    const probing = restartWhatFails(world, done.signal);
    try {
      await sleep(random.int(1_000, 5_000));
      await drained(world);
      const repaired = await runOps(['verify', '--repair', '--grace', '90'], opsEnv(world));
      if (repaired.code !== 0) throw new Error(`ops verify --repair ended with ${repaired.code}: ${repaired.stderr}`);
    } finally {
      done.abort();
      await probing;
    }
  },
};
