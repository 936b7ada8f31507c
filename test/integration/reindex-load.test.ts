import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startWriteLoad, watchSearch } from '../support/load.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import type { ServiceProcess } from '../support/process.ts';
import { runOps, startOps } from '../support/ops.ts';
import { waitFor } from '../support/wait.ts';
import { taskOf } from '../support/events.ts';
import { insertTasks } from '../support/task.ts';

const TASKS = 4_000;

let pipeline: Pipeline;
let api: ServiceProcess;

beforeAll(async () => {
  pipeline = await createPipeline();
  await insertTasks(
    pipeline.database.pool,
    Array.from({ length: TASKS }, (_, i) => taskOf({ version: 1 + (i % 3) })),
  );
  [api] = await Promise.all([pipeline.startApi(), pipeline.startIndexer()]);
});
afterAll(() => pipeline.close());

const indexOf = (number: number) => `${pipeline.index.alias}-00000${number}`;
const liveIndex = async () => Object.keys(await pipeline.index.client.indices.getAlias({ name: pipeline.index.alias }));
/** Documents written to an index, refreshed or not. */
const written = async (index: string): Promise<number> => {
  const stats = await pipeline.index.client.indices.stats({ index, metric: 'indexing' });
  return stats.indices?.[index]?.primaries?.indexing?.index_total ?? 0;
};

describe('ops reindex under full write load', () => {
  it('killed in the middle and run again, hides nothing from any search and loses nothing', async () => {
    const { client, alias } = pipeline.index;
    expect(await runOps(['reindex'], pipeline.env)).toMatchObject({ code: 0 });
    expect(await liveIndex()).toEqual([indexOf(2)]);

    const load = startWriteLoad(api, [...(await pipeline.database.versions()).keys()]);
    const watch = watchSearch(client, alias, () => load.deleting);
    // Stops before the client closes, whatever failed: a search on a closed client fails without a wait, for ever.
    onTestFinished(() => watch.stop());
    try {
      await waitFor('the load to run', () => load.writes() > 100 && watch.searches() > 3);
      const first = startOps(['reindex', '--max-rate', '200'], pipeline.env);
      await waitFor('a part to be copied', async () => (await written(indexOf(3))) > TASKS / 4, {
        timeoutMs: 120_000,
      });
      first.child.kill('SIGKILL');
      expect((await first.ended).signal).toBe('SIGKILL');
      expect(await liveIndex()).toEqual([indexOf(2)]);
      expect(await written(indexOf(3))).toBeLessThan(TASKS);

      const [writesBefore, searchesBefore] = [load.writes(), watch.searches()];
      const second = await runOps(['reindex', '--json'], pipeline.env);
      expect(second).toMatchObject({ code: 0 });
      expect(second.stderr).toContain(`deleted ${indexOf(3)}, which an earlier run left incomplete`);
      const result = JSON.parse(second.stdout) as { outcome: string; to: string; events: number };
      expect(result.outcome).toBe('switched');
      expect(result.events).toBeGreaterThan(0);
      expect(await liveIndex()).toEqual([result.to]);
      // The watch goes on for a while on the new index, with writes coming in there.
      const after = load.writes();
      await waitFor('the load to go on', () => load.writes() > after + 100);
      expect(load.writes() - writesBefore).toBeGreaterThan(200);
      expect(watch.searches() - searchesBefore).toBeGreaterThan(5);
    } finally {
      await load.stop();
    }
    await pipeline.converged();
    expect(await runOps(['verify'], pipeline.env)).toMatchObject({ code: 0 });
    await watch.stop();
    expect(watch.faults()).toEqual([]);
  }, 240_000);
});
