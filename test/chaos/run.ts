/** One run: clients write, faults are injected, it goes quiet, and is judged. */
import { setTimeout as sleep } from 'node:timers/promises';
import { judge, type Judgement } from './checker.ts';
import type { Fault } from './faults/index.ts';
import { emptyHistory, runClient } from './history.ts';
import { watchIndex } from './observer.ts';
import { randomOf } from './random.ts';
import { createWorld, type Servers } from './world.ts';

export interface RunResult extends Judgement {
  readonly seed: number;
  readonly faults: readonly Fault[];
  readonly acknowledged: number;
  /** What broke a promise; empty when all were kept. */
  readonly broken: readonly string[];
}

const CLIENTS = 6;
const PARTITIONS = 6;
const INDEXERS = 2;
const APIS = 2;

/**
 * @param faults injected one after the other, each at a moment that the seed chooses
 * @param writeMs how long clients write at least; they write on while a fault lasts
 */
export const run = async (
  servers: Servers,
  seed: number,
  faults: readonly Fault[],
  writeMs: number,
): Promise<RunResult> => {
  const random = randomOf(seed);
  const world = await createWorld(servers, PARTITIONS);
  const history = emptyHistory();
  const writing = new AbortController();
  const broken: string[] = [];
  let deadLetters = 0;
  try {
    await Promise.all([
      ...Array.from({ length: APIS }, world.startApi),
      ...Array.from({ length: INDEXERS }, world.startIndexer),
    ]);
    const observer = watchIndex(world.index);
    const clients = Array.from({ length: CLIENTS }, (_, client) =>
      runClient(`client-${client}`, world.apis, history, random.fork(client), writing.signal),
    );
    const endsAt = performance.now() + writeMs;
    for (const [turn, fault] of faults.entries()) {
      await sleep(random.int(500, Math.max(500, writeMs / (faults.length + 1))));
      try {
        deadLetters += (await fault.inject(world, random.fork(1_000 + turn))) ?? 0;
      } catch (error) {
        broken.push(`${fault.name}: ${String(error)}`);
      }
    }
    await sleep(Math.max(0, endsAt - performance.now()));
    writing.abort();
    await Promise.all(clients);
    const crashed = [...world.apis, ...world.indexers].filter(
      ({ child }) => child.exitCode !== null || child.signalCode !== null,
    );
    const judgement = await judge(world, history, deadLetters);
    const backwards = await observer.stop();
    const isGraceful = faults.every(({ graceful }) => graceful);
    broken.push(
      ...judgement.lost.map((text) => `lost: ${text}`),
      ...judgement.stale.map((text) => `stale: ${text}`),
      ...judgement.other,
      ...backwards,
      ...crashed.map((service) => `a service ended by itself: ${service.logs().slice(-500)}`),
      ...(isGraceful && judgement.redelivered > 0 ? [`${judgement.redelivered} events delivered twice`] : []),
    );
    return { ...judgement, seed, faults, acknowledged: history.acknowledged, broken };
  } finally {
    writing.abort();
    await world.close();
  }
};
