import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { versionsOf } from '../support/events.ts';
import { call, createPipeline, createTask, search, type Pipeline } from '../support/pipeline.ts';
import { killProcess, type ServiceProcess } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';
import { updateOf } from '../support/sample.ts';

let pipeline: Pipeline;
let api: ServiceProcess;

beforeAll(async () => {
  pipeline = await createPipeline();
  [api] = await Promise.all([pipeline.startApi(), pipeline.startIndexer()]);
});
afterAll(() => pipeline.close());

describe('the pipeline', () => {
  // How soon is a figure of `npm run bench -- --only freshness`: a limit here would fail with the machine.
  it('shows a created, an updated and a deleted task in search', async () => {
    const task = await createTask(api, 'polish the brass doorknob');
    await waitFor('the task', async () => (await search(api, 'doorknob')).total === 1);
    expect((await search(api, 'doorknob')).tasks).toEqual([task]);

    const changed = updateOf('polish the brass doorknob twice');
    expect((await call(api, 'PUT', `/tasks/${task.id}`, changed)).status).toBe(200);
    await waitFor('the change', async () => (await search(api, 'doorknob twice')).tasks[0]?.version === 2);
    expect((await search(api, 'doorknob twice')).tasks[0]).toMatchObject(changed);

    expect((await call(api, 'DELETE', `/tasks/${task.id}`)).status).toBe(204);
    await waitFor('the deletion', async () => (await search(api, 'doorknob')).total === 0);
  });

  it('loses nothing when the API is killed between commit and publish', async () => {
    // This replica can write and not publish: nothing listens on its broker's port.
    const cutOff = await createPipeline();
    try {
      const first = await cutOff.startApi({ KAFKA_BROKERS: '127.0.0.1:1' });
      const tasks = await Promise.all(Array.from({ length: 20 }, (_, i) => createTask(first, `orphan ${i}`)));
      expect(await cutOff.topics.end()).toBe(0);
      await killProcess(first);
      await Promise.all([cutOff.startApi(), cutOff.startIndexer()]);
      await cutOff.converged();
      const versions = await cutOff.index.versions();
      expect(tasks.filter(({ id }) => versions.get(id) !== 1)).toEqual([]);
    } finally {
      await cutOff.close();
    }
  });

  it('has one active relay for two replicas, keeps the order of each task, and survives the death of the active one', async () => {
    const second = await pipeline.startApi();
    const replicas = [api, second];
    const leading = async () => {
      const flags = await Promise.all(replicas.map((replica) => replica.metric('taskstream_relay_leader')));
      return replicas.filter((_, index) => flags[index] === 1);
    };
    await waitFor('one leader', async () => (await leading()).length === 1);

    const { id } = await createTask(second, 'contended');
    const update = (replica: ServiceProcess, i: number) =>
      call(replica, 'PUT', `/tasks/${id}`, updateOf(`contended ${i}`));
    const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => update(i % 2 === 0 ? api : second, i)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);

    const [leader] = await leading();
    const survivor = leader === api ? second : api;
    if (leader === undefined) throw new Error('nobody leads');
    await killProcess(leader);
    for (let i = 60; i < 80; i += 1) expect((await update(survivor, i)).status).toBe(200);
    await pipeline.converged();
    expect((await pipeline.index.versions()).get(id)).toBe(81);
    expect(await survivor.metric('taskstream_relay_leader')).toBe(1);
    const messages = await pipeline.topics.readAll(pipeline.topics.tasks);
    expect(versionsOf(messages, id)).toEqual(Array.from({ length: 81 }, (_, i) => i + 1));
    api = survivor;
  });

  it('keeps every acknowledged write when the API gets SIGTERM under load, and exits 0', async () => {
    const replica = await pipeline.startApi();
    const acknowledged: string[] = [];
    const writer = async (worker: number): Promise<void> => {
      for (let i = 0; ; i += 1) {
        try {
          acknowledged.push((await createTask(replica, `load ${worker}-${i}`)).id);
        } catch {
          // The listener is closed: this is the end of the load.
          return;
        }
      }
    };
    const writers = Array.from({ length: 16 }, (_, worker) => writer(worker));
    await waitFor('load', () => acknowledged.length > 500, { intervalMs: 5 });
    replica.child.kill('SIGTERM');
    expect(await replica.exited).toEqual({ code: 0, signal: null });
    await Promise.all(writers);
    await pipeline.converged();
    const versions = await pipeline.index.versions();
    expect(acknowledged.filter((id) => !versions.has(id))).toEqual([]);
  });

  it('tells on its metrics what waits and what went through', async () => {
    await createTask(api, 'counted');
    await pipeline.converged();
    expect(await api.metric('taskstream_http_requests_total', { route: '/tasks', status: '201' })).toBeGreaterThan(0);
    expect(await api.metric('taskstream_relay_published_total')).toBeGreaterThan(0);
    await waitFor('an empty outbox', async () => (await api.metric('taskstream_outbox_rows')) === 0);
    expect(await api.metric('taskstream_outbox_oldest_age_seconds')).toBe(0);
  });
});
