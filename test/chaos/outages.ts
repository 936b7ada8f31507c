/** How long nothing is written, published or found while a fault lasts: the longest time without, as clients see it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sumOf } from '../support/process.ts';
import type { History } from './history.ts';
import type { World } from './world.ts';

export const AIMS = ['writes', 'publication', 'search'] as const;
export type Aim = (typeof AIMS)[number];

/** Milliseconds without. */
export type Outage = Readonly<Record<Aim, number>>;

const INTERVAL_MS = 50;
const REQUEST_MS = 2_000;
/** A fault may show late: a broker's session ends after 9 s. */
const WATCH_MS = 15_000;
/** It is over when nothing has stood still for more than `HITCH_MS` in the last so many. */
const CALM_MS = 4_000;
const HITCH_MS = 1_500;
const DEADLINE_MS = 180_000;

export interface OutageWatch {
  /** Carries out the fault, and resolves when all goes on. @throws the fault's error, or when something does not */
  during(inject: () => Promise<void>): Promise<Outage>;
  stop(): Promise<void>;
}

export const watchOutages = ({ apis }: Pick<World, 'apis'>, history: History): OutageWatch => {
  const stopped = new AbortController();
  const last: Record<Aim, number> = { writes: 0, publication: 0, search: 0 };
  const longest: Record<Aim, number> = { writes: 0, publication: 0, search: 0 };
  /** When something last went on after a hitch. */
  let hitchAt = 0;
  const goesOn = (aim: Aim): void => {
    const now = performance.now();
    const gap = now - last[aim];
    longest[aim] = Math.max(longest[aim], gap);
    if (gap > HITCH_MS) hitchAt = now;
    last[aim] = now;
  };
  const every = async (work: () => Promise<void>): Promise<void> => {
    while (!stopped.signal.aborted) {
      await work().catch(() => undefined);
      await sleep(INTERVAL_MS);
    }
  };
  let acknowledged = 0;
  let published = 0;
  let turn = 0;
  const watching = [
    every(async () => {
      if (history.acknowledged > acknowledged) goesOn('writes');
      acknowledged = history.acknowledged;
    }),
    // What the brokers have confirmed to the relays; the checker finds each of these events in the topic.
    every(async () => {
      const counts = apis.map(async ({ healthUrl }) => {
        const response = await fetch(`${healthUrl}/metrics`, { signal: AbortSignal.timeout(REQUEST_MS) });
        return sumOf(await response.text(), 'taskstream_relay_published_total');
      });
      const sum = (await Promise.all(counts)).reduce((total, count) => total + count, 0);
      if (sum > published) goesOn('publication');
      published = sum;
    }),
    every(async () => {
      turn += 1;
      const api = apis[turn % apis.length];
      const response = await fetch(`http://127.0.0.1:${api?.port ?? 0}/tasks/search`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ description: 'task', from: 0, size: 5 }),
        signal: AbortSignal.timeout(REQUEST_MS),
      });
      await response.text();
      if (response.ok) goesOn('search');
    }),
  ];
  return {
    during: async (inject) => {
      const startedAt = performance.now();
      for (const aim of AIMS) {
        last[aim] = startedAt;
        longest[aim] = 0;
      }
      await inject();
      const injectedAt = performance.now();
      for (;;) {
        const now = performance.now();
        const still = AIMS.filter((aim) => now - last[aim] > HITCH_MS);
        if (now - injectedAt > WATCH_MS && now - hitchAt > CALM_MS && still.length === 0) return { ...longest };
        if (now - injectedAt > DEADLINE_MS) {
          throw new Error(`${DEADLINE_MS / 1_000} s after the fault still no ${still.join(' and no ') || 'calm'}`);
        }
        await sleep(INTERVAL_MS);
      }
    },
    stop: async () => {
      stopped.abort();
      await Promise.all(watching);
    },
  };
};
