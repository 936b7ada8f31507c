import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { News } from '../../services/api/console/feed.ts';
import { openEventStream, type EventStreamClient } from '../support/event-stream.ts';
import { call, createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import { killProcess, type ServiceProcess } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

let pipeline: Pipeline;
let api: ServiceProcess;

beforeAll(async () => {
  pipeline = await createPipeline();
  api = await pipeline.startApi({ CONSOLE: 'true' });
});
const opened: EventStreamClient[] = [];
afterEach(() => {
  for (const stream of opened.splice(0)) stream.close();
});
afterAll(() => pipeline.close());

const streamOf = async (service: ServiceProcess): Promise<EventStreamClient> => {
  const stream = await openEventStream(`http://127.0.0.1:${service.port}/console/events`);
  opened.push(stream);
  return stream;
};

/** The data of the next event of this name. */
const next = async (stream: EventStreamClient, name: string): Promise<unknown> => {
  for (;;) {
    const found = await stream.next();
    if (found === undefined) throw new Error('the stream has ended');
    if (found.event === name) return found.data;
  }
};

/** Reads news until `count` changes were told or counted. */
const newsUntil = async (stream: EventStreamClient, count: number): Promise<News> => {
  let found: News = { changes: [], more: 0 };
  while (found.changes.length + found.more < count) {
    const { changes, more } = (await next(stream, 'news')) as News;
    found = { changes: [...found.changes, ...changes], more: found.more + more };
  }
  return found;
};

describe('the feed of the console', () => {
  it('tells each change that comes while somebody watches, whoever made it, and none of before', async () => {
    await createTask(api, 'of before');
    await waitFor(
      'it to be published',
      async () => (await pipeline.topics.readAll(pipeline.topics.tasks)).length === 1,
    );
    const stream = await streamOf(api);
    await next(stream, 'following');
    // Another replica makes it.
    const other = await pipeline.startApi();
    const { id } = await createTask(other, 'of somebody else');
    expect(await newsUntil(stream, 1)).toEqual({ changes: [{ kind: 'created', id, version: 1 }], more: 0 });
    await call(other, 'PATCH', `/tasks/${id}`, { isDone: true }, { 'content-type': 'application/merge-patch+json' });
    expect(await newsUntil(stream, 1)).toEqual({ changes: [{ kind: 'changed', id, version: 2 }], more: 0 });
    await call(other, 'DELETE', `/tasks/${id}`);
    expect(await newsUntil(stream, 1)).toEqual({ changes: [{ kind: 'deleted', id, version: 3 }], more: 0 });
    await killProcess(other);
  });

  it('tells each that watches, and one that comes later at once that it follows', async () => {
    const streams = [await streamOf(api)];
    await next(streams[0] as EventStreamClient, 'following');
    const second = await streamOf(api);
    streams.push(second);
    expect(await second.next()).toMatchObject({ event: 'following' });
    const { id } = await createTask(api, 'for both');
    for (const stream of streams) expect((await newsUntil(stream, 1)).changes).toMatchObject([{ id }]);
  });

  it('counts a burst, and loses none of it', async () => {
    const stream = await streamOf(api);
    await next(stream, 'following');
    const operations = Array.from({ length: 500 }, (_, i) => ({ op: 'create', task: { description: `burst ${i}` } }));
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => call(api, 'POST', '/tasks/batch', { operations })),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const found = await newsUntil(stream, 3_000);
    expect(found.changes.length + found.more).toBe(3_000);
    expect(found.more).toBeGreaterThan(1_000);
  });

  it('goes on when it comes back after nobody watched', async () => {
    const first = await streamOf(api);
    await next(first, 'following');
    first.close();
    await createTask(api, 'seen by nobody');
    await waitFor('it to be published', async () => {
      const { rows } = await pipeline.database.pool.query('SELECT FROM outbox');
      return rows.length === 0;
    });
    const second = await streamOf(api);
    await next(second, 'following');
    const { id } = await createTask(api, 'seen again');
    expect((await newsUntil(second, 1)).changes).toEqual([{ kind: 'created', id, version: 1 }]);
  });
});
