import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { headerOf, headersOf } from '../../services/platform/kafka/headers.ts';
import { DEAD_LETTER_HEADERS } from '../../services/pipeline/dead-letters/writer.ts';
import { indexMapping } from '../../services/pipeline/index/search-index.ts';
import { taskEntity } from '../../services/task/entity.ts';
import type { Message } from '../../services/platform/kafka/native.ts';
import type { ProducerRecord } from '../../services/platform/kafka/producer.ts';
import { eventRecord, taskOf } from '../support/events.ts';
import { createIndexerFixture, type IndexerFixture, type RunningIndexer } from '../support/indexer.ts';
import { TEXT_FIELD, WRONG_VALUE } from '../support/sample.ts';

const taskMapping = indexMapping(taskEntity);

let fixture: IndexerFixture;
let indexer: RunningIndexer;

beforeAll(async () => {
  fixture = await createIndexerFixture({
    kafkaBrokers: inject('kafkaBrokers'),
    elasticsearchUrl: inject('elasticsearchUrl'),
    // One partition, so that a stopped partition would stop the good events too; a compacted topic refuses null keys.
    topics: { partitions: 1, cleanup: 'delete' },
  });
  indexer = await fixture.start();
});
afterAll(() => fixture.close());

const raw = (key: string | null, value: string | Buffer): ProducerRecord => ({
  key,
  value: Buffer.from(value),
  headers: [{ 'x-origin': 'test' }],
});
const header = (message: Message | undefined, name: keyof typeof DEAD_LETTER_HEADERS) =>
  headerOf(message, DEAD_LETTER_HEADERS[name]);

describe('poison events', () => {
  const task = taskOf();
  const poison: [string, ProducerRecord][] = [
    ['null_key', raw(null, JSON.stringify({ type: 'tasks.event.created', value: task }))],
    ['malformed_event', raw(task.id, '{"type": "tasks.event.created", ')],
    ['malformed_event', raw(task.id, Buffer.from([0xff, 0xfe, 0x00]))],
    ['unknown_event_type', raw(task.id, JSON.stringify({ type: 'tasks.event.archived', value: task }))],
    [
      'schema_violation',
      raw(task.id, JSON.stringify({ type: 'tasks.event.created', value: { ...task, ...WRONG_VALUE } })),
    ],
    ['schema_violation', raw(task.id, '"just text"')],
    ['key_mismatch', raw('somebody-else', JSON.stringify({ type: 'tasks.event.created', value: task }))],
  ];

  it('land in the dead-letter topic with their reason, and the good ones around them are indexed', async () => {
    const good = poison.map(() => taskOf());
    const records = poison.flatMap(([, record], index) => {
      const neighbour = good[index];
      return neighbour === undefined ? [record] : [record, eventRecord('tasks.event.created', neighbour)];
    });
    await fixture.topics.produce(records);
    await fixture.settled();

    const deadLetters = await fixture.topics.readAll(fixture.topics.deadLetters);
    expect(deadLetters.map((deadLetter) => header(deadLetter, 'reason'))).toEqual(poison.map(([reason]) => reason));
    deadLetters.forEach((deadLetter, index) => {
      const original = poison[index]?.[1];
      expect(deadLetter.value).toEqual(original?.value);
      expect(deadLetter.key?.toString() ?? null).toEqual(original?.key ?? null);
      expect(headerOf(deadLetter, 'x-origin')).toBe('test');
      expect(header(deadLetter, 'topic')).toBe(fixture.topics.tasks);
      expect(header(deadLetter, 'partition')).toBe('0');
      expect(header(deadLetter, 'offset')).toBe(String(index * 2));
      expect(header(deadLetter, 'error')).toMatch(/\w+/);
      expect(header(deadLetter, 'attempts')).toBe('0');
    });
    const versions = await fixture.index.versions();
    for (const { id } of good) expect(versions.get(id)).toBe(1);
    expect(await indexer.metric('taskstream_indexer_dead_letters_total', { reason: 'null_key' })).toBe(1);
  });

  it('keep headers of any name, and are written once', async () => {
    const names = ['__proto__', 'constructor', 'toString', '', 'x-ünïcode', 'dlq.reason'];
    const headers = names.map((name) => Object.fromEntries([[name, Buffer.from(`value of ${name}`)]]));
    const good = taskOf();
    const key = taskOf().id;
    await fixture.topics.produce([
      { key, value: Buffer.from('no event'), headers },
      eventRecord('tasks.event.created', good),
    ]);
    await fixture.settled();
    const deadLetters = (await fixture.topics.readAll(fixture.topics.deadLetters)).filter(
      (message) => String(message.key) === key,
    );
    expect(deadLetters).toHaveLength(1);
    const [deadLetter] = deadLetters;
    const kept = deadLetter === undefined ? [] : headersOf(deadLetter).map(([name, value]) => [name, String(value)]);
    expect(kept.slice(0, names.length)).toEqual(names.map((name) => [name, `value of ${name}`]));
    expect((await fixture.index.versions()).get(good.id)).toBe(1);
  });

  it('may be rejected by the mapping: they go to the dead letters, with the number of attempts', async () => {
    // A bad mapping was shipped: a text became a number.
    const broken = await createIndexerFixture({
      kafkaBrokers: inject('kafkaBrokers'),
      elasticsearchUrl: inject('elasticsearchUrl'),
    });
    try {
      await broken.index.client.indices.delete({ index: broken.index.index });
      await broken.index.client.indices.create({
        index: broken.index.index,
        aliases: { [broken.index.alias]: {} },
        mappings: { ...taskMapping, properties: { ...taskMapping.properties, [TEXT_FIELD]: { type: 'integer' } } },
      });
      const [bad, good] = [taskOf({ [TEXT_FIELD]: 'no number' }), taskOf({ [TEXT_FIELD]: '42' })];
      // The good predecessor in the same batch must not be lost with its poison successor.
      const next = { ...good, [TEXT_FIELD]: 'no number any more', version: 2 };
      await broken.topics.produce([
        eventRecord('tasks.event.created', bad),
        eventRecord('tasks.event.created', good),
        eventRecord('tasks.event.updated', next),
      ]);
      await broken.start();
      await broken.settled();
      const deadLetters = await broken.topics.readAll(broken.topics.deadLetters);
      expect(deadLetters.map((deadLetter) => deadLetter.key?.toString()).sort()).toEqual([bad.id, good.id].sort());
      for (const deadLetter of deadLetters) {
        expect(header(deadLetter, 'reason')).toBe('rejected_by_index');
        expect(header(deadLetter, 'error')).toContain('document_parsing_exception');
        expect(header(deadLetter, 'attempts')).toBe('1');
      }
      expect(await broken.index.versions()).toEqual(new Map([[good.id, 1]]));
    } finally {
      await broken.close();
    }
  });
});
