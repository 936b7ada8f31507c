/** One run: clients write, faults are injected, it goes quiet, and is judged. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CONTAINER, hasEnded } from '../support/process.ts';
import { judge, type Judgement } from './checker.ts';
import { runClient } from './client.ts';
import { emptyHistory } from './history.ts';
import { watchIndex } from './observer.ts';
import { watchOutages, type Outage } from './outages.ts';
import { namesOf, type Step } from './plan.ts';
import { randomOf } from './random.ts';
import { saveRecord } from './record.ts';
import type { Servers } from './servers.ts';
import { APIS, type RunSettings } from './settings.ts';
import { createWorld } from './world.ts';

export interface RunOptions {
  readonly seed: number;
  readonly settings: RunSettings;
  readonly plan: readonly Step[];
  /** How long clients write at least; they write on while a fault lasts. */
  readonly writeMs: number;
  /** Folder of the compiled services. */
  readonly build: string;
  /** Where the record of a run goes that broke a promise. */
  readonly recordFolder: string;
}

export interface RunResult extends Judgement {
  readonly seed: number;
  readonly settings: RunSettings;
  /** Names of the faults, step by step. */
  readonly plan: readonly (readonly string[])[];
  readonly acknowledged: number;
  /** No fault that makes a repetition legal. */
  readonly isGraceful: boolean;
  /** Graceful, and still an indexer said that events are read again. */
  readonly isExcused: boolean;
  /** On a cluster: how long nothing went on because of each fault. */
  readonly outages: readonly (Outage & { readonly fault: string })[];
  /** What broke a promise; empty when all were kept. */
  readonly broken: readonly string[];
}

const CLIENTS = 6;
const PARTITIONS = 6;
const INDEXERS = 2;
/** Nobody has to do anything for a cluster that loses a node of each kind. */
const SLOW_MS = 60_000;

export const run = async (servers: Servers, options: RunOptions): Promise<RunResult> => {
  const { seed, settings, plan, writeMs, build } = options;
  const random = randomOf(seed);
  const faults = plan.flat();
  const topicConfig = Object.assign({}, ...faults.map((fault) => fault.topicConfig)) as Record<string, string>;
  const serviceEnv = Object.assign({ ...settings }, ...faults.map((fault) => fault.serviceEnv)) as Record<
    string,
    string
  >;
  if (faults.some(({ hasTwoBrokers }) => hasTwoBrokers)) await servers.startSecondBroker();
  const world = await createWorld(servers, { partitions: PARTITIONS, build, topicConfig, serviceEnv });
  const history = emptyHistory();
  const writing = new AbortController();
  const broken: string[] = [];
  const outages: (Outage & { readonly fault: string })[] = [];
  const watch = servers.copies > 1 ? watchOutages(world, history) : undefined;
  try {
    await Promise.all([
      ...Array.from({ length: APIS }, () => world.startApi()),
      ...Array.from({ length: INDEXERS }, world.startIndexer),
    ]);
    const observer = watchIndex(world.index, history);
    const clients = Array.from({ length: CLIENTS }, (_, client) =>
      runClient(`client-${client}`, world.apis, history, random.fork(client), writing.signal),
    );
    const endsAt = performance.now() + writeMs;
    for (const [turn, step] of plan.entries()) {
      await sleep(random.int(500, Math.max(500, writeMs / (plan.length + 1))));
      const injected = step.map(async (fault, index) => {
        const inject = () => fault.inject(world, random.fork(1_000 + 10 * turn + index), history);
        if (watch === undefined) await inject();
        else outages.push({ fault: fault.name, ...(await watch.during(inject)) });
      });
      for (const [index, result] of (await Promise.allSettled(injected)).entries()) {
        if (result.status === 'rejected') broken.push(`${step[index]?.name ?? ''}: ${String(result.reason)}`);
      }
    }
    await sleep(Math.max(0, endsAt - performance.now()));
    writing.abort();
    await Promise.all(clients);
    const judgement = await judge(world, history);
    const services = [...world.apis, ...world.indexers];
    const crashed = services.filter(hasEnded);
    const peakBytes = Math.max(...services.map((service) => service.peakBytes()));
    const backwards = await observer.stop(history.undone);
    const isGraceful = plan.flat().every(({ graceful }) => graceful);
    const isExcused = isGraceful && world.saidReadAgain();
    broken.push(
      ...judgement.lost.map((text) => `lost: ${text}`),
      ...judgement.stale.map((text) => `stale: ${text}`),
      ...judgement.other,
      ...(servers.copies > 1 && judgement.recoveryMs > SLOW_MS
        ? [`both stores were equal only ${Math.round(judgement.recoveryMs / 1_000)} s after the last fault`]
        : []),
      ...backwards,
      ...crashed.map(
        (service) =>
          `a service ended by itself (${service.child.signalCode ?? service.child.exitCode ?? ''}): ${service.logs().slice(-1_000)}`,
      ),
      ...(peakBytes > CONTAINER.limitBytes
        ? [
            `a service took ${Math.round(peakBytes / 1_048_576)} MiB, and its container ends at ${CONTAINER.limitBytes / 1_048_576}`,
          ]
        : []),
      ...(isGraceful && !isExcused && judgement.redelivered > 0
        ? [`${judgement.redelivered} events delivered twice`]
        : []),
    );
    if (broken.length > 0) await saveRecord(options, world, history, broken);
    return {
      ...judgement,
      seed,
      settings,
      plan: namesOf(plan),
      acknowledged: history.acknowledged,
      isGraceful,
      isExcused,
      outages,
      broken,
    };
  } finally {
    writing.abort();
    await watch?.stop();
    await world.close();
    // A client that hears of a broker which is not there any more may take it for the controller for minutes.
    await servers.endSecondBroker('SIGTERM');
  }
};
