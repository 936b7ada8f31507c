import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { isReindexRunning } from '../../services/pipeline/reindex/lock.ts';
import { SILENCE_MS } from '../../services/pipeline/relay/session.ts';
import { createHttpProxy, type HttpProxy, type HttpProxyHooks } from '../support/http-proxy.ts';
import { call, createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import { runOps, startOps, type OpsProcess } from '../support/ops.ts';
import type { ServiceProcess } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';
import { updateOf } from '../support/sample.ts';

let pipeline: Pipeline;
let api: ServiceProcess;
let proxy: HttpProxy | undefined;

// Each command is a process of its own, and takes seconds to start on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

beforeEach(async () => {
  pipeline = await createPipeline();
  [api] = await Promise.all([pipeline.startApi(), pipeline.startIndexer()]);
  await Promise.all(Array.from({ length: 20 }, (_, i) => createTask(api, `before ${i}`)));
  await pipeline.converged();
});
afterEach(async () => {
  await proxy?.close();
  proxy = undefined;
  await pipeline.close();
});

const indexOf = (number: number) => `${pipeline.index.alias}-00000${number}`;
const liveIndex = async () => Object.keys(await pipeline.index.client.indices.getAlias({ name: pipeline.index.alias }));
const reindex = (...args: string[]) => runOps(['reindex', ...args], pipeline.env);
const list = async () => {
  const { code, stdout } = await reindex('list', '--json');
  expect(code).toBe(0);
  return JSON.parse(stdout) as { index: string; state: string; isWriteBlocked: boolean }[];
};
/** Runs reindex with a proxy in front of Elasticsearch. */
const reindexThrough = async (hooks: HttpProxyHooks, ...args: string[]): Promise<OpsProcess> => {
  proxy = await createHttpProxy(inject('elasticsearchUrl'), hooks);
  return startOps(['reindex', ...args], { ...pipeline.env, ELASTICSEARCH_URL: proxy.url });
};
const isSwitch = (method: string, path: string) => method === 'POST' && path.startsWith('/_aliases');

/** Ids that a search finds now. */
const visible = async (): Promise<Set<string>> => {
  const { client, alias } = pipeline.index;
  const { hits } = await client.search({ index: alias, size: 1_000, _source: false });
  return new Set(hits.hits.map(({ _id }) => String(_id)));
};
const becomesVisible = async (id: string, timeoutMs: number): Promise<boolean> => {
  const isVisible = async () => (await visible()).has(id);
  return waitFor(`${id} in search`, isVisible, { timeoutMs, intervalMs: 100 }).catch(() => false);
};

describe('ops reindex, at the switch', () => {
  it('has in the new index all that the old one has shown, though its own writes lag behind', async () => {
    let shown = new Set<string>();
    let shownAfter: Set<string> | undefined;
    let bulk: Promise<unknown> | undefined;
    let endHold: () => void = () => undefined;
    proxy = await createHttpProxy(inject('elasticsearchUrl'), {
      before: async (method, path) => {
        if (method === 'PUT' && path.startsWith(`/${indexOf(2)}/_mapping`) && bulk === undefined) {
          // The switch begins: from now on the new index gets nothing, and the old one a task that search shows.
          bulk = new Promise<void>((resolve) => {
            endHold = resolve;
          });
          const { id } = await createTask(api, 'just before the switch');
          expect(await becomesVisible(id, 20_000)).toBe(true);
          setTimeout(endHold, 2_000);
        }
        if (path.includes('/_bulk')) await bulk;
        if (isSwitch(method, path)) {
          // Were writes not blocked, this one would be shown too, and be missing after the switch.
          const { id } = await createTask(api, 'during the switch');
          await becomesVisible(id, 3_000);
          shown = await visible();
        }
        return true;
      },
      after: async (method, path) => {
        if (isSwitch(method, path)) shownAfter = await visible();
        return true;
      },
    });
    // A refresh of its own would hide that the switch makes none.
    const env = {
      ...pipeline.env,
      ELASTICSEARCH_URL: proxy.url,
      INDEX_REFRESH_INTERVAL: '120s',
      ELASTICSEARCH_TIMEOUT_MS: '60000',
    };
    expect(await runOps(['reindex', '--switch-deadline', '60'], env)).toMatchObject({ code: 0 });
    expect(shown.size).toBe(21);
    expect([...shown].filter((id) => shownAfter?.has(id) !== true)).toEqual([]);
    await pipeline.converged();
  });

  it('keeps its lock however long Elasticsearch takes, though PostgreSQL ends silent sessions', async () => {
    let waited: Promise<boolean> | undefined;
    const running = await reindexThrough({
      // A bulk request that was given up comes again, and waits too.
      before: async (_method, path) => {
        if (!path.includes('/_bulk')) return true;
        waited ??= sleep(SILENCE_MS + 3_000).then(() => isReindexRunning(pipeline.database.pool));
        await waited;
        return true;
      },
    });
    const { code, stderr } = await running.ended;
    expect(code, stderr).toBe(0);
    expect(await waited).toBe(true);
    expect(await liveIndex()).toEqual([indexOf(2)]);
  });

  it('has the changes that were made and published while rows were copied', async () => {
    let isFirst = true;
    const running = await reindexThrough({
      before: async (_method, path) => {
        if (!path.includes('/_bulk') || !isFirst) return true;
        isFirst = false;
        // The rows are read, and none is written yet.
        const [first, second] = await pipeline.database.versions();
        const [updated, deleted] = [String(first?.[0]), String(second?.[0])];
        const body = updateOf('changed');
        expect((await call(api, 'PUT', `/tasks/${updated}`, body)).status).toBe(200);
        expect((await call(api, 'DELETE', `/tasks/${deleted}`)).status).toBe(204);
        const { id } = await createTask(api, 'new');
        expect(await becomesVisible(id, 20_000)).toBe(true);
        return true;
      },
    });
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(isFirst).toBe(false);
    expect(await pipeline.index.versions()).toEqual(await pipeline.database.versions());
  });
});

describe('ops reindex, killed while it switches', () => {
  it('before the alias moved: indexers wait, and the next run lifts the block and loses nothing', async () => {
    const running: OpsProcess = await reindexThrough({
      before: (method, path) => {
        if (!isSwitch(method, path)) return Promise.resolve(true);
        running.child.kill('SIGKILL');
        return Promise.resolve(false);
      },
    });
    expect((await running.ended).signal).toBe('SIGKILL');
    expect(await liveIndex()).toEqual([indexOf(1)]);
    expect(await list()).toMatchObject([
      { index: indexOf(1), state: 'live', isWriteBlocked: true },
      { index: indexOf(2), state: 'interrupted', isWriteBlocked: false },
    ]);
    const { id } = await createTask(api, 'while the index takes no writes');
    await waitFor('the lag to be seen', async () => {
      const versions = await pipeline.index.versions();
      return (
        !versions.has(id) &&
        (await pipeline.topics.end()) > (await pipeline.topics.committed(pipeline.env['CONSUMER_GROUP'] ?? ''))
      );
    });

    const second = await reindex();
    expect(second).toMatchObject({ code: 0 });
    expect(second.stderr).toContain(`${indexOf(1)} takes writes again`);
    await pipeline.converged();
    expect((await pipeline.index.versions()).get(id)).toBe(1);
    expect(await list()).toMatchObject([
      { index: indexOf(1), state: 'previous' },
      { index: expect.any(String) as string, state: 'live', isWriteBlocked: false },
    ]);
  });

  it('after the alias moved: the new index serves, and knows the way back', async () => {
    const running: OpsProcess = await reindexThrough({
      after: (method, path) => {
        if (!isSwitch(method, path)) return Promise.resolve(true);
        running.child.kill('SIGKILL');
        return Promise.resolve(false);
      },
    });
    expect((await running.ended).signal).toBe('SIGKILL');
    expect(await liveIndex()).toEqual([indexOf(2)]);
    await createTask(api, 'into the new index');
    await pipeline.converged();
    expect(await reindex('rollback')).toMatchObject({ code: 0 });
    expect(await liveIndex()).toEqual([indexOf(1)]);
    await pipeline.converged();
  });
});

describe('ops reindex, when Elasticsearch is slow or silent at the switch', () => {
  it('finds out whether the alias moved when the answer is lost', async () => {
    let lost = 0;
    const running = await reindexThrough({
      after: (method, path) => {
        if (isSwitch(method, path)) lost += 1;
        return Promise.resolve(!isSwitch(method, path));
      },
    });
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(lost).toBe(1);
    expect(await list()).toMatchObject([
      { index: indexOf(1), state: 'previous' },
      { index: indexOf(2), state: 'live' },
    ]);
  });

  it('lets writes go on when the deadline passes, and switches later', async () => {
    let blocks = 0;
    let wasOpenBetween = false;
    const running = await reindexThrough(
      {
        before: async (method, path) => {
          if (method === 'PUT' && path.includes('/_block/write')) blocks += 1;
          if (blocks === 1 && path.startsWith(`/${indexOf(2)}/_refresh`)) {
            // Longer than the deadline: the first attempt cannot succeed.
            await new Promise((resolve) => setTimeout(resolve, 6_000));
          }
          return true;
        },
        after: (method, path) => {
          if (blocks === 1 && method === 'PUT' && path.startsWith(`/${indexOf(1)}/_settings`)) wasOpenBetween = true;
          return Promise.resolve(true);
        },
      },
      '--switch-deadline',
      '5',
    );
    const result = await running.ended;
    expect(result).toMatchObject({ code: 0 });
    expect(result.stderr).toContain('not done within 5000 ms');
    expect(blocks).toBeGreaterThanOrEqual(2);
    expect(wasOpenBetween).toBe(true);
    await createTask(api, 'after the switch');
    await pipeline.converged();
  });
});
