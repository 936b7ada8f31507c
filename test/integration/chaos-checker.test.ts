import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { judge } from '../chaos/checker.ts';
import { POISON_HEADER } from '../chaos/faults/poison.ts';
import { toRecord } from '../chaos/faults/records.ts';
import { emptyHistory, type History } from '../chaos/history.ts';
import { watchIndex } from '../chaos/observer.ts';
import { eventRecord, taskOf } from '../support/events.ts';
import { createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import { waitFor } from '../support/wait.ts';
import { TEXT_FIELD } from '../support/sample.ts';

// A checker that finds nothing proves nothing: each kind of fault is planted, and has to be found.
let pipeline: Pipeline;
let history: History;
let ids: string[];

beforeEach(async () => {
  pipeline = await createPipeline();
  const [api] = await Promise.all([pipeline.startApi(), pipeline.startIndexer()]);
  history = emptyHistory();
  ids = [];
  for (let turn = 0; turn < 3; turn += 1) {
    const { id, version } = await createTask(api, `task ${turn}`);
    ids.push(id);
    history.versions.set(id, version);
    history.keys.add(randomUUID());
  }
  await pipeline.converged();
});
afterEach(() => pipeline.close());

const judged = () => {
  const { database, topics, index } = pipeline;
  return judge({ database, topics, index, group: `group-${topics.tasks}` }, history);
};
const id = (turn: number): string => ids[turn] ?? '';

it('finds nothing where nothing is wrong', async () => {
  expect(await judged()).toMatchObject({ lost: [], stale: [], other: [], redelivered: 0 });
});

it('finds an acknowledged write that is gone, one that is older, and a deletion that did not happen', async () => {
  await pipeline.database.pool.query('DELETE FROM tasks WHERE id = $1', [id(0)]);
  history.versions.set(id(1), 7);
  history.deleted.add(id(2));
  const { lost, stale } = await judged();
  expect([...lost].sort()).toEqual(
    [
      `${id(0)} is not there`,
      `${id(0)}: deleted, and its deletion never published`,
      `${id(1)} has version 1, and 7 was acknowledged`,
      `${id(2)} was deleted and is there`,
    ].sort(),
  );
  expect(stale).toEqual([`${id(0)}: only in the index`]);
});

it('finds documents that are missing or of another version', async () => {
  const { client, alias } = pipeline.index;
  await client.delete({ index: alias, id: id(0), version: 2, version_type: 'external' });
  await pipeline.database.pool.query('UPDATE tasks SET version = 2 WHERE id = $1', [id(1)]);
  const { stale, lost } = await judged();
  expect(lost).toEqual([`version 2 of ${id(1)} was never published`]);
  expect([...stale].sort()).toEqual([`${id(0)}: database 1, index nothing`, `${id(1)}: database 2, index 1`].sort());
});

it('finds more tasks than keys, and events that came twice', async () => {
  history.keys.clear();
  const events = await pipeline.topics.readAll(pipeline.topics.tasks);
  await pipeline.topics.produce(events.map(toRecord));
  const { other, redelivered } = await judged();
  expect(other).toEqual(['3 tasks out of 0 keys']);
  expect(redelivered).toBe(3);
});

it('finds poison that is no dead letter, a good event that is one, and changes the database does not have', async () => {
  const { topics } = pipeline;
  const good = { ...taskOf({ id: id(0) }), version: 2 };
  // Not poison at all, whatever its header says: the indexer has no reason to give it up.
  await topics.produce([
    {
      ...eventRecord('tasks.event.updated', { ...good, updatedAt: '2020-01-01T00:00:00.000Z' }),
      headers: [{ [POISON_HEADER]: 'true' }],
    },
    {
      key: id(1),
      value: Buffer.from(JSON.stringify({ type: 'tasks.event.updated', value: { id: id(1), version: 9 } })),
      headers: [],
    },
    eventRecord('tasks.event.updated', { ...taskOf({ id: id(2) }), version: 3, updatedAt: '2020-01-01T00:00:00.000Z' }),
  ]);
  const { lost, other } = await judged();
  const creation = (await topics.readAll(topics.tasks)).find(({ key }) => String(key) === id(2))?.value;
  const first = (JSON.parse(String(creation)) as { value: { updatedAt: string } }).value.updatedAt;
  expect([...lost].map((text) => text.replace(/\b\d+:\d+/, 'x:y')).sort()).toEqual(
    [
      'poison at x:y is no dead letter',
      `${id(1)}: the log has version 9, the database 1`,
      `${id(2)}: the log has version 3, the database 1`,
    ].sort(),
  );
  expect([...other].map((text) => text.replace(/\b\d+:\d+ /, 'x:y ')).sort()).toEqual(
    ['a good event at x:y is a dead letter', `${id(2)}: updatedAt went back: ${first},2020-01-01T00:00:00.000Z`].sort(),
  );
});

it('sees a version that goes back, and a deleted task that comes back', async () => {
  const { client, alias, index } = pipeline.index;
  const put = (task: string, version: number, fields: object = { [TEXT_FIELD]: 'planted' }) =>
    client.index({ index: alias, id: task, version, version_type: 'external', document: { id: task, ...fields } });
  await put(id(0), 9);
  const observer = watchIndex(pipeline.index);
  /** One may have begun before what it is to see, and each counts with the next one. */
  const threeLooks = () => {
    const before = observer.looks();
    return waitFor('three looks', () => observer.looks() >= before + 3);
  };
  await threeLooks();
  await client.indices.putSettings({ index, settings: { 'index.gc_deletes': '0s' } });
  await client.delete({ index: alias, id: id(1) });
  await client.delete({ index: alias, id: id(0) });
  await put(id(2), 2, { deletedAt: new Date().toISOString() });
  await threeLooks();
  await put(id(0), 3);
  await put(id(1), 4);
  await put(id(2), 5);
  const faults = await observer.stop();
  expect(faults).toContain(`${id(0)} went from version 9 back to 3`);
  expect(faults).toContain(`${id(1)} came back after its deletion`);
  expect(faults).toContain(`${id(2)} came back after its deletion`);
});
