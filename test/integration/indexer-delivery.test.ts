import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { EventType } from '../../services/task/entity.ts';
import type { ProducerRecord } from '../../services/platform/kafka/producer.ts';
import { eventRecord, taskOf } from '../support/events.ts';
import { createIndexerFixture, type IndexerFixture, type RunningIndexer } from '../support/indexer.ts';
import { creationOf, TEXT_FIELD, updateOf } from '../support/sample.ts';

let fixture: IndexerFixture;
let indexer: RunningIndexer;

beforeAll(async () => {
  fixture = await createIndexerFixture({
    kafkaBrokers: inject('kafkaBrokers'),
    elasticsearchUrl: inject('elasticsearchUrl'),
  });
  indexer = await fixture.start({ BATCH_MAX_EVENTS: '50' });
});
afterAll(() => fixture.close());

const send = async (...records: ProducerRecord[]): Promise<void> => {
  await fixture.topics.produce(records);
  await fixture.settled();
};
/** Nothing for a deletion's marker too: a get by id does not go by the alias's filter. */
const documentOf = async (id: string) => {
  const { client, alias } = fixture.index;
  const { _source: source } = await client.get<{ deletedAt?: string }>({ index: alias, id }, { ignore: [404] });
  return source?.deletedAt === undefined ? source : undefined;
};

describe('the indexer', () => {
  it('makes the document equal to the task of the newest event', async () => {
    const task = taskOf(creationOf('water the plants', 3));
    const newer = { ...task, ...updateOf('water them again'), version: 2 };
    await send(eventRecord('tasks.event.created', task), eventRecord('tasks.event.updated', newer));
    expect(await documentOf(task.id)).toEqual(newer);
  });

  it('keeps the newer document when events arrive out of order, in one batch or in two', async () => {
    const task = taskOf();
    const [v2, v3] = [2, 3].map((version) => ({ ...task, [TEXT_FIELD]: `version ${version}`, version }));
    await send(eventRecord('tasks.event.updated', taskOf({ ...v3 })), eventRecord('tasks.event.created', task));
    await send(eventRecord('tasks.event.updated', taskOf({ ...v2 })));
    expect(await documentOf(task.id)).toEqual(v3);
  });

  it('does not resurrect a document when an update is replayed after its delete', async () => {
    const task = taskOf();
    await send(eventRecord('tasks.event.created', task));
    await send(eventRecord('tasks.event.deleted', { ...task, version: 3 }));
    await send(eventRecord('tasks.event.updated', { ...task, version: 2 }));
    expect(await documentOf(task.id)).toBeUndefined();
  });

  it('does not resurrect a document whose delete came before its creation', async () => {
    const task = taskOf();
    await send(eventRecord('tasks.event.deleted', { ...task, version: 2 }));
    await send(eventRecord('tasks.event.created', task));
    expect(await documentOf(task.id)).toBeUndefined();
  });

  it('passes over a tombstone without a version', async () => {
    const task = taskOf();
    const before = await indexer.metric('taskstream_indexer_events_total', { outcome: 'tombstone' });
    await send(eventRecord('tasks.event.created', task), { key: task.id, value: null, headers: [] });
    expect(await documentOf(task.id)).toEqual(task);
    expect(await indexer.metric('taskstream_indexer_events_total', { outcome: 'tombstone' })).toBe(before + 1);
  });

  it('sends at most one operation a task for each batch', async () => {
    const task = taskOf();
    const before = await indexer.metric('taskstream_indexer_events_total', { outcome: 'superseded' });
    const versions = Array.from({ length: 40 }, (_, i) => ({ ...task, version: i + 1 }));
    await send(...versions.map((version) => eventRecord('tasks.event.updated', version)));
    expect(await documentOf(task.id)).toEqual(versions.at(-1));
    expect(await indexer.metric('taskstream_indexer_events_total', { outcome: 'superseded' })).toBeGreaterThan(before);
  });

  it('leaves the index equal to the last version of each task, whatever the order, duplication and batching', async () => {
    /** A history: for each task its number of versions, and whether the last one is a deletion. */
    const histories = fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.boolean()), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(histories, fc.infiniteStream(fc.nat()), async (drawn, randomness) => {
        const expected = new Map<string, number>();
        const ids: string[] = [];
        const records: ProducerRecord[] = [];
        for (const [count, deleted] of drawn) {
          const task = taskOf({ id: uuidv7() });
          ids.push(task.id);
          if (!deleted) expected.set(task.id, count);
          for (let version = 1; version <= count; version += 1) {
            const type: EventType =
              deleted && version === count
                ? 'tasks.event.deleted'
                : version === 1
                  ? 'tasks.event.created'
                  : 'tasks.event.updated';
            records.push(eventRecord(type, { ...task, version }));
          }
        }
        const shuffled = [...records, ...records.filter(() => draw(randomness) % 3 === 0)]
          .map((record) => ({ record, order: draw(randomness) }))
          .sort((a, b) => a.order - b.order)
          .map(({ record }) => record);
        // Pauses between parts make batches of any size.
        while (shuffled.length > 0) await fixture.topics.produce(shuffled.splice(0, 1 + (draw(randomness) % 10)));
        await fixture.settled();
        const versions = await fixture.index.versions();
        const found = new Map(
          ids.flatMap((id) => (versions.has(id) ? [[id, versions.get(id)]] : [])) as [string, number][],
        );
        expect(found).toEqual(expected);
      }),
      { numRuns: 15 },
    );
  });
});

const draw = (stream: { next(): IteratorResult<number> }): number => Number(stream.next().value);
