import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeadLetterList } from '../../services/api/console/dead-letters.ts';
import type { RecordContent } from '../../services/api/console/record-content.ts';
import { ownHeaders } from '../../services/platform/kafka/headers.ts';
import { toHeaders } from '../../services/platform/kafka/producer.ts';
import { call, createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import type { ServiceProcess } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

let pipeline: Pipeline;
let api: ServiceProcess;

beforeAll(async () => {
  pipeline = await createPipeline();
  api = await pipeline.startApi({ CONSOLE: 'true' });
});
afterAll(() => pipeline.close());

const list = async (): Promise<DeadLetterList> => {
  const { status, body } = await call(api, 'GET', '/console/dead-letters');
  expect(status).toBe(200);
  return body as DeadLetterList;
};

/** The events of a task in the topic, once there are `count`. */
const eventsOf = (id: string, count: number) =>
  waitFor(`${count} events`, async () => {
    const events = (await pipeline.topics.readAll(pipeline.topics.tasks)).filter(({ key }) => String(key) === id);
    return events.length >= count && events;
  });

/** A task whose event became a dead letter, as the indexer writes it, with the dead letter's place. */
const deadLetterOf = async (description: string) => {
  const task = await createTask(api, description);
  const [event] = await eventsOf(task.id, 1);
  if (event === undefined) throw new Error('there is no event');
  const added = { topic: event.topic, partition: String(event.partition), offset: String(event.offset) };
  await pipeline.topics.produceLetters([
    {
      ...{ key: String(event.key), value: event.value },
      headers: [
        ...ownHeaders(event),
        ...toHeaders({
          ...Object.fromEntries(Object.entries(added).map(([name, value]) => [`dlq.${name}`, value])),
          ...{ 'dlq.reason': 'rejected_by_index', 'dlq.error': `no <b>place</b> for it\u001b[31m` },
        }),
      ],
    },
  ]);
  const letter = await waitFor('the dead letter', async () =>
    (await list()).letters.find(({ task: id }) => id === task.id),
  );
  return { id: task.id, letter, path: `/console/dead-letters/${letter.partition}/${letter.offset}` };
};

describe('dead letters in the console', () => {
  it('are listed with their reason, and are shown with their content', async () => {
    const { id, letter, path } = await deadLetterOf('falls on the floor');
    expect(letter).toMatchObject({
      ...{ reason: 'rejected_by_index', state: 'open', task: id, source: { topic: pipeline.topics.tasks } },
      // What could colour a line or hide one is shown as what it is.
      error: 'no <b>place</b> for it\\u001b[31m',
    });
    expect(await list()).toMatchObject({ open: 1, isWhole: true });
    const { status, headers, body } = await call(api, 'GET', path);
    const content = body as RecordContent;
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(content).toMatchObject({ key: id, isCut: false, topic: pipeline.topics.deadLetters });
    expect(content.value).toContain('    "description": "falls on the floor"');
    expect(content.headers).toContainEqual({ name: 'ce_type', value: 'tasks.event.created' });
  });

  it('go back to their topic when they are replayed, and leave a trail', async () => {
    const { id, path } = await deadLetterOf('goes back');
    const { status, body } = await call(api, 'POST', `${path}/replay`, {});
    expect({ status, body }).toEqual({ status: 200, body: { state: 'replayed', result: null } });
    const [first, second] = await eventsOf(id, 2);
    expect(String(second?.value)).toBe(String(first?.value));
    const { rows } = await pipeline.database.pool.query(
      'SELECT action, state, actor FROM dead_letter_actions WHERE task = $1',
      [id],
    );
    expect(rows).toEqual([{ action: 'replay', state: 'replayed', actor: 'console, 127.0.0.1' }]);
    expect((await list()).letters.map(({ task }) => task)).not.toContain(id);
    // Two people with the same page: the second is told.
    expect(await call(api, 'POST', `${path}/replay`, {})).toMatchObject({
      status: 412,
      body: { detail: expect.stringContaining('replayed already, by console') as string },
    });
    expect(await eventsOf(id, 2)).toHaveLength(2);
  });

  it('do not go back when something newer has passed them', async () => {
    const { id, path } = await deadLetterOf('is old by now');
    await call(api, 'PATCH', `/tasks/${id}`, { isDone: true }, { 'content-type': 'application/merge-patch+json' });
    expect(await call(api, 'POST', `${path}/replay`, {})).toMatchObject({
      status: 200,
      body: { state: 'superseded', result: expect.stringContaining('version 2') as string },
    });
  });

  it('are dealt with once they are discarded', async () => {
    const { id, path } = await deadLetterOf('is thrown away');
    expect(await call(api, 'POST', `${path}/discard`, {})).toMatchObject({ status: 200, body: { state: 'discarded' } });
    expect((await list()).letters.map(({ task }) => task)).not.toContain(id);
    expect(await call(api, 'POST', `${path}/discard`, {})).toMatchObject({ status: 412 });
    expect(await eventsOf(id, 1)).toHaveLength(1);
  });

  it('are not touched by a page of another site, by its script or by its form', async () => {
    const { id, path } = await deadLetterOf('stays');
    const script = await call(api, 'POST', `${path}/discard`, {}, { 'sec-fetch-site': 'cross-site' });
    expect(script.status).toBe(403);
    // A browser sends no `Sec-Fetch-Site` to a page without TLS.
    const form = await call(api, 'POST', `${path}/discard`, undefined, { 'content-type': 'text/plain' });
    expect(form.status).toBe(415);
    expect(
      (await call(api, 'GET', '/console/dead-letters', undefined, { 'sec-fetch-site': 'cross-site' })).status,
    ).toBe(403);
    expect((await list()).letters).toContainEqual(expect.objectContaining({ task: id, state: 'open' }));
  });
});

describe('the content of a record', () => {
  it('is shown as text, whatever its bytes are, and of a large one the beginning', async () => {
    const large = `{"type":"x","value":"${'<script>'.repeat(20_000)}"}`;
    const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x41]);
    await pipeline.topics.produce([
      { key: 'large', value: Buffer.from(large), headers: [] },
      { key: 'bytes', value: bytes, headers: toHeaders({ name: 'a\u202eb' }) },
      { key: 'gone', value: null, headers: [] },
    ]);
    const records = await waitFor('the records', async () => {
      const all = await pipeline.topics.readAll(pipeline.topics.tasks);
      return all.some(({ key }) => String(key) === 'gone') && all;
    });
    const contentOf = async (key: string): Promise<RecordContent> => {
      const record = records.find((each) => String(each.key) === key);
      const { body } = await call(api, 'GET', `/console/records/${record?.partition}/${record?.offset}`);
      return body as RecordContent;
    };
    const found = await contentOf('large');
    expect(found).toMatchObject({ isCut: true, valueBytes: large.length });
    expect(found.value?.length).toBe(65_536);
    expect(await contentOf('bytes')).toMatchObject({
      value: '00000000  ff fe 00 41                                      ...A',
      headers: [{ name: 'name', value: 'a\\u202eb' }],
    });
    expect(await contentOf('gone')).toMatchObject({ key: 'gone', value: null, valueBytes: 0, isCut: false });
  });

  it.each(['/console/records/0/99999999', '/console/records/77/0', '/console/dead-letters/0/99999999'])(
    'is not there at %s',
    async (path) => {
      expect(await call(api, 'GET', path)).toMatchObject({ status: 404, body: { code: 'record_not_found' } });
    },
  );
});
