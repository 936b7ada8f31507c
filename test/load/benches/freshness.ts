/** From acknowledged to searchable, while writes come at half of the most that the API takes. */
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
const GOAL_MS = REFRESH_MS + 150;
const POLL_MS = 10;

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
      report.progress('the most that the API takes');
      const most = await load(isQuick ? 2 : 8);
      await caughtUp(stack);
      const rate = Math.round(most.perSecond / 2);
      report.progress(`time to searchable at ${rate} writes a second`);
      const running = load(seconds, rate);
      const { written: times, direct } = await measure(stack.index, url, seconds * 1_000 - 2_000);
      await running;
      const p99 = percentile(times, 0.99);
      report.add({
        what: `acknowledged to searchable at ${rate} writes/s`,
        value: p99,
        unit: 'ms',
        p50Ms: percentile(times, 0.5),
        p99Ms: p99,
        ceiling: { what: 'written to the index directly', value: percentile(direct, 0.99) },
        goal: { text: `p99 < refresh interval + 150 ms = ${GOAL_MS} ms`, isMet: p99 < GOAL_MS },
      });
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
      await sleep(50);
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
