/** From acknowledged to searchable, under a steady load, and of a change that comes alone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import type { Task } from '../../../services/task/task.ts';
import { runChild } from '../child.ts';
import type { HttpResult } from '../children/generate-http.ts';
import { caughtUp } from '../caught-up.ts';
import { percentile } from '../measurement.ts';
import type { TestIndex } from '../../support/search-index.ts';
import { descriptionOf } from '../tasks.ts';
import type { Bench } from './bench.ts';
import { creationOf } from '../../support/sample.ts';

const REFRESH_MS = 1_000;
/** Writes a second. */
const RATE = 1_000;
const GOALS = { p50Ms: 600, p99Ms: REFRESH_MS + 150, aloneMs: 100 };
const POLL_MS = 10;
/** How many changes come alone, and the time between two: longer than what the indexer waits under load. */
const ALONE = { changes: 20, everyMs: 2 * REFRESH_MS };

export const freshness: Bench = {
  run: async ({ servers, report, isQuick }) => {
    const seconds = isQuick ? 5 : 30;
    const stack = await servers.createStack();
    try {
      const api = await stack.startApi();
      await stack.startIndexer();
      const url = `http://127.0.0.1:${api.port}`;
      const load = (length: number, rate?: number) =>
        runChild<HttpResult>('generate-http', {
          url,
          operation: 'create',
          connections: 32,
          seconds: length,
          ids: [],
          ...(rate === undefined ? {} : { rate }),
        });
      report.progress('warming up');
      await load(isQuick ? 2 : 30);
      await caughtUp(stack);
      report.progress(`time to searchable at ${RATE} writes a second`);
      const running = load(seconds, RATE);
      const { written: times, direct } = await measure(stack.index, url, seconds * 1_000 - 2_000);
      const { perSecond } = await running;
      const add = (what: string, of: readonly number[], part: number, goalMs: number, ceiling?: number) => {
        const value = percentile(of, part);
        report.add({
          what,
          value,
          unit: 'ms',
          p50Ms: percentile(of, 0.5),
          p99Ms: percentile(of, 0.99),
          ...(ceiling === undefined ? {} : { ceiling: { what: 'written to the index directly', value: ceiling } }),
          goal: { text: `p${part * 100} ≤ ${goalMs} ms`, isMet: value <= goalMs },
        });
      };
      const what = `acknowledged to searchable at ${Math.round(perSecond)} writes/s`;
      add(what, times, 0.99, GOALS.p99Ms, percentile(direct, 0.99));
      add(`${what}, half of them`, times, 0.5, GOALS.p50Ms, percentile(direct, 0.5));
      await caughtUp(stack);
      report.progress('time to searchable of a change that comes alone');
      const forMs = (isQuick ? 3 : ALONE.changes) * ALONE.everyMs;
      // Without a ceiling: the refresh that the change gets shows the other document too.
      const { written } = await measure(stack.index, url, forMs, ALONE.everyMs);
      add('acknowledged to searchable, alone', written, 0.5, GOALS.aloneMs);
      report.plot({
        name: 'freshness',
        title: 'Acknowledged to searchable, part of the writes that took at most so long',
        xTitle: 'ms',
        yTitle: '%',
        series: [
          { name: 'through the pipeline', points: distribution(times) },
          { name: 'written to the index directly, without the pipeline', points: distribution(direct) },
        ],
      });
    } finally {
      await stack.close();
    }
  },
};

const distribution = (times: readonly number[]) =>
  Array.from({ length: 101 }, (_, part) => [percentile(times, part / 100), part] as const);

/**
 * Some tasks of its own, each looked for until search has it; and as many documents that are written to the index at
 * once, without a pipeline before it: what these take is the index's own time.
 */
const measure = async (
  { client, alias }: Pick<TestIndex, 'client' | 'alias'>,
  url: string,
  forMs: number,
  everyMs = 50,
): Promise<{ written: number[]; direct: number[] }> => {
  const open = new Map<string, { readonly since: number; readonly times: number[] }>();
  const written: number[] = [];
  const direct: number[] = [];
  const endsAt = performance.now() + forMs;
  let isWriting = true;
  const write = async () => {
    for (let n = 0; performance.now() < endsAt; n += 1) {
      const response = await fetch(`${url}/tasks`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(creationOf(descriptionOf(n))),
      });
      const { task } = (await response.json()) as { task: Task };
      open.set(task.id, { since: performance.now(), times: written });
      const id = uuidv7();
      await client.index({ index: alias, id, document: { ...task, id } });
      open.set(id, { since: performance.now(), times: direct });
      await sleep(everyMs);
    }
    isWriting = false;
  };
  const look = async () => {
    while (isWriting || open.size > 0) {
      const ids = [...open.keys()];
      const { hits } = await client.search({
        index: alias,
        query: { terms: { id: ids } },
        size: ids.length,
        _source: false,
      });
      const now = performance.now();
      for (const { _id: id = '' } of hits.hits) {
        const probe = open.get(id);
        probe?.times.push(now - probe.since);
        open.delete(id);
      }
      await sleep(POLL_MS);
    }
  };
  await Promise.all([write(), look()]);
  return { written, direct };
};
