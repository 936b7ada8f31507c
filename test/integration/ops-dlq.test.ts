import { Client, Pool } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { ANYBODY } from '../../services/platform/auth/actor.ts';
import { createProducer, toHeaders, type ProducerRecord } from '../../services/platform/kafka/producer.ts';
import type { Task } from '../../services/task/task.ts';
import { indexMapping } from '../../services/pipeline/index/search-index.ts';
import { taskEntity } from '../../services/task/entity.ts';
import { isOpen, withLastActions } from '../../services/pipeline/dead-letters/actions.ts';
import { findDeadLetters, type DeadLetterFilter } from '../../services/pipeline/dead-letters/find.ts';
import { deadLetterJson } from '../../services/pipeline/dead-letters/json.ts';
import { createTopicReader } from '../../services/platform/kafka/reader.ts';
import { replayDeadLetters } from '../../services/pipeline/dead-letters/replay.ts';
import { createTaskStore } from '../../services/task/store.ts';
import { createCommand, taskIn, insertTasks } from '../support/task.ts';
import { TEST_SETTINGS } from '../support/search-index.ts';
import { readEnv } from '../../services/platform/env.ts';
import { kafkaEnv } from '../../services/platform/kafka/settings.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { eventRecord, taskOf, versionsOf } from '../support/events.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createIndexerFixture, type IndexerFixture } from '../support/indexer.ts';
import { createTestTopics, type TestTopics } from '../support/kafka.ts';
import { jsonLines, runOps, startOps } from '../support/ops.ts';
import { waitFor } from '../support/wait.ts';
import { creationOf, TEXT_FIELD } from '../support/sample.ts';

const taskMapping = indexMapping(taskEntity);

// Each process loads all of the command line, seconds on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

let database: TestDatabase;
let topics: TestTopics;
let env: Record<string, string>;

interface LetterLine {
  readonly partition: number;
  readonly offset: number;
  readonly state: string;
  readonly reason: string;
  readonly task: string | null;
  readonly result?: string | null;
}

interface ActionRow {
  readonly letter_offset: string;
  readonly action: string;
  readonly state: string;
  readonly actor: string;
  readonly result: string | null;
  readonly is_finished: boolean;
}

beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
});
beforeEach(async () => {
  topics = await createTestTopics(inject('kafkaBrokers'));
  env = environment(topics);
});
afterEach(() => topics.close());
afterAll(() => database.close());

const environment = ({ tasks, deadLetters }: TestTopics): Record<string, string> => ({
  DATABASE_URL: database.url,
  KAFKA_BROKERS: inject('kafkaBrokers'),
  TASKS_TOPIC: tasks,
  DEAD_LETTER_TOPIC: deadLetters,
});

/** A dead letter as the indexer writes it. */
const deadLetter = (
  record: ProducerRecord,
  reason: string,
  source: Partial<Record<string, string>> = {},
): ProducerRecord => ({
  ...record,
  headers: [
    ...record.headers,
    // As bytes: the binding cuts a text off at its first NUL.
    { 'dlq.topic': Buffer.from(source['topic'] ?? topics.tasks) },
    ...toHeaders({
      'dlq.partition': '3',
      'dlq.offset': source['offset'] ?? '7',
      // No moment that can be written down: whoever may write to the topic may write this.
      'dlq.timestamp': '99999999999999999999',
      'dlq.reason': reason,
      'dlq.error': `why it is ${reason}`,
      'dlq.attempts': '1',
      'dlq.failed_at': '2026-01-01T00:00:00.000Z',
    }),
  ],
});

/** A task in PostgreSQL with this version. */
const store = async (task: Task): Promise<Task> => {
  await insertTasks(database.pool, [task]);
  return task;
};

const actions = async (deadLetters = topics.deadLetters): Promise<ActionRow[]> =>
  (
    await database.pool.query<ActionRow>(
      `SELECT letter_offset, action, state, actor, result, finished_at IS NOT NULL AS is_finished
       FROM dead_letter_actions WHERE topic = $1 ORDER BY id`,
      [deadLetters],
    )
  ).rows;

/** Letters as `dlq list --json` prints them, read inside this process: a process a look would take minutes. */
const list = async (filter: DeadLetterFilter = {}, { all = false } = {}): Promise<LetterLine[]> => {
  const signal = AbortSignal.timeout(30_000);
  const logger = createLogger({ service: 'test', level: 'silent' });
  const reader = await createTopicReader(readEnv(kafkaEnv, env), { logger, signal });
  const client = new Client({ connectionString: database.url });
  try {
    await client.connect();
    const topic = env['DEAD_LETTER_TOPIC'] ?? '';
    const found: LetterLine[] = [];
    for await (const batch of findDeadLetters({ reader, topic, filter, signal })) {
      const judged = await withLastActions(client, topic, batch);
      found.push(...judged.filter((each) => all || isOpen(each)).map(deadLetterJson));
    }
    return found;
  } finally {
    await client.end();
    await reader.close();
  }
};

describe('dlq replay', () => {
  it('takes an event that the mapping rejected to the index once it is mended; replayed again it leaves one result', async () => {
    const fixture: IndexerFixture = await createIndexerFixture({
      kafkaBrokers: inject('kafkaBrokers'),
      elasticsearchUrl: inject('elasticsearchUrl'),
    });
    try {
      env = environment(fixture.topics);
      const { client, index, alias } = fixture.index;
      const create = async (mappings: object) => {
        await client.indices.delete({ index });
        await client.indices.create({ index, aliases: { [alias]: {} }, settings: TEST_SETTINGS, mappings });
      };
      // A bad mapping was shipped: a text became a number.
      await create({ ...taskMapping, properties: { ...taskMapping.properties, [TEXT_FIELD]: { type: 'integer' } } });
      await fixture.start();
      const task = await store(taskOf({ [TEXT_FIELD]: 'no number', version: 3 }));
      const record = eventRecord('tasks.event.updated', task);
      await fixture.topics.produce([
        { ...record, headers: [...record.headers, { binary: Buffer.from([0xff, 0x00]) }] },
      ]);
      await fixture.settled();
      expect(await list()).toMatchObject([{ offset: 0, state: 'open', reason: 'rejected_by_index', task: task.id }]);

      await create(taskMapping);
      const first = await runOps(['dlq', 'replay', '--task', task.id, '--by', 'ada'], env);
      expect(first).toMatchObject({ code: 0, stdout: '1 dead letter: 1 replayed\n' });
      await fixture.settled();
      expect(await fixture.index.versions()).toEqual(new Map([[task.id, 3]]));

      // What is dealt with is not touched again, unless it is asked for.
      expect(await runOps(['dlq', 'replay', '--yes'], env)).toMatchObject({ code: 0, stdout: '0 dead letters\n' });
      const again = await runOps(['dlq', 'replay', '--again', '--yes', '--by', 'grace'], env);
      expect(again).toMatchObject({ code: 0, stdout: '1 dead letter: 1 replayed\n' });
      await fixture.settled();
      expect(await fixture.index.versions()).toEqual(new Map([[task.id, 3]]));
      expect(await list()).toEqual([]);
      expect(await list({}, { all: true })).toMatchObject([{ offset: 0, state: 'replayed' }]);
      expect(await actions(fixture.topics.deadLetters)).toEqual(
        ['ada', 'grace'].map((actor) => ({
          letter_offset: '0',
          action: 'replay',
          state: 'replayed',
          actor,
          result: null,
          is_finished: true,
        })),
      );
      // The same event each time: key, bytes, headers, and none of the dead letter's.
      const [original, ...replayed] = await fixture.topics.readAll(fixture.topics.tasks);
      expect(replayed).toHaveLength(2);
      for (const message of replayed) {
        expect(message.key).toEqual(original?.key);
        expect(message.value).toEqual(original?.value);
        expect(message.headers).toEqual(original?.headers);
      }
    } finally {
      await fixture.close();
    }
  });

  it('replays again what a kill left between the event and its audit row', async () => {
    const task = await store(taskOf());
    await topics.produceLetters([deadLetter(eventRecord('tasks.event.created', task), 'rejected_by_index')]);
    const blocker = new Client({ connectionString: database.url });
    await blocker.connect();
    try {
      // The second row of the audit waits for this session, so that the kill meets the process between the two.
      await blocker.query('SELECT pg_advisory_lock(4711)');
      await blocker.query(`CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NEW; END $$`);
      await blocker.query(
        'CREATE TRIGGER hold BEFORE UPDATE ON dead_letter_actions FOR EACH ROW EXECUTE FUNCTION hold()',
      );
      const replay = startOps(['dlq', 'replay', '--yes'], env);
      await waitFor('the event to be produced', async () => (await topics.end()) === 1);
      replay.child.kill('SIGKILL');
      expect(await replay.ended).toMatchObject({ code: null });
    } finally {
      // Its session waits for this one's lock with the table in its hands, and this one would wait for the table.
      await blocker.query(
        `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'taskstream-ops-dlq'`,
      );
      await blocker.query('DROP TRIGGER IF EXISTS hold ON dead_letter_actions; DROP FUNCTION IF EXISTS hold');
      await blocker.end();
    }
    expect(await actions()).toMatchObject([{ state: 'replaying', is_finished: false }]);
    expect(await list()).toMatchObject([{ offset: 0, state: 'open' }]);

    // The killed command's session may live on for a moment, and with it its turn.
    await waitFor('the next replay', async () => (await runOps(['dlq', 'replay', '--yes'], env)).code === 0);
    expect((await actions()).map(({ state }) => state)).toEqual(['replaying', 'replayed']);
    expect(await list()).toEqual([]);
    expect(versionsOf(await topics.readAll(topics.tasks), task.id)).toEqual([1]);
  });

  it('brings poison back as a new dead letter, and lists that', async () => {
    const fixture = await createIndexerFixture({
      kafkaBrokers: inject('kafkaBrokers'),
      elasticsearchUrl: inject('elasticsearchUrl'),
    });
    try {
      env = environment(fixture.topics);
      await fixture.topics.produce([{ key: 'somebody', value: Buffer.from('{"type":'), headers: [] }]);
      await fixture.start();
      await fixture.settled();
      expect(await list()).toMatchObject([{ offset: 0, reason: 'malformed_event', task: 'somebody' }]);
      expect(await runOps(['dlq', 'replay', '--offset', '0'], env)).toMatchObject({ code: 0 });
      await fixture.settled();
      expect(await list()).toMatchObject([{ offset: 1, state: 'open', reason: 'malformed_event', task: 'somebody' }]);
      const [, second] = await fixture.topics.readAll(fixture.topics.deadLetters);
      // One explanation, and not the old one beside it.
      expect(second?.headers?.filter((header) => 'dlq.offset' in header)).toEqual([{ 'dlq.offset': Buffer.from('1') }]);
    } finally {
      await fixture.close();
    }
  });

  it('tells of each dead letter that cannot be replayed, goes on with the others, and ends with 2', async () => {
    const tasks = await Promise.all(Array.from({ length: 20 }, () => store(taskOf())));
    const good = tasks.map((task) => deadLetter(eventRecord('tasks.event.created', task), 'rejected_by_index'));
    const deleted = await store(taskOf());
    await database.pool.query('DELETE FROM tasks WHERE id = $1', [deleted.id]);
    // A compacted topic takes no record without a key.
    const keyless = { key: null, value: Buffer.from('{}'), headers: [] };
    await topics.produceLetters([
      ...good.slice(0, 10),
      deadLetter(keyless, 'null_key'),
      deadLetter(keyless, 'null_key', { topic: 'somewhere\u0000else' }),
      { ...keyless, key: 'no dead letter' },
      // Behind the good events of a task, poison would be what compaction keeps.
      deadLetter({ ...keyless, key: tasks[0]?.id ?? '' }, 'malformed_event'),
      // And behind its deletion it would be what stays for ever.
      deadLetter({ ...keyless, key: deleted.id }, 'malformed_event'),
      ...good.slice(10),
    ]);
    const { code, stdout } = await runOps(['dlq', 'replay', '--yes', '--json'], env);
    expect(code).toBe(2);
    const failed = jsonLines<LetterLine>(stdout).filter(({ state }) => state === 'failed');
    expect(failed.map(({ offset, result }) => [offset, result])).toEqual([
      [10, expect.stringContaining('has no key')],
      [11, expect.stringContaining('came from the topic somewhere\u0000else')],
      [12, expect.stringContaining('does not say which topic')],
      [13, expect.stringContaining('cannot read it either')],
      [14, expect.stringContaining('cannot read it either, and the task of its key is deleted')],
    ]);
    const arrived = new Set((await topics.readAll(topics.tasks)).map(({ key }) => String(key)));
    expect(arrived).toEqual(new Set(tasks.map(({ id }) => id)));
    // They stay open.
    expect((await list()).map(({ offset }) => offset)).toEqual([10, 11, 12, 13, 14]);
  });

  it('puts no old version behind a newer one, and brings no deleted task back: compaction would keep that', async () => {
    const updated = await store(taskOf({ version: 5 }));
    const deleted = taskOf({ version: 2 });
    await topics.produceLetters([
      deadLetter(eventRecord('tasks.event.updated', { ...updated, version: 4 }), 'rejected_by_index'),
      deadLetter(eventRecord('tasks.event.updated', deleted), 'rejected_by_index'),
      deadLetter(eventRecord('tasks.event.deleted', { ...deleted, version: 3 }), 'rejected_by_index'),
      deadLetter(eventRecord('tasks.event.updated', { ...updated, version: 6 }), 'rejected_by_index'),
    ]);
    const dry = await runOps(['dlq', 'replay', '--dry-run'], env);
    expect(dry.stdout).toContain('0:2  would be replayed');
    expect(dry.stdout).toMatch(/4 dead letters, nothing was changed: .*1 would be replayed/);
    expect(await topics.end()).toBe(0);
    expect(await actions()).toEqual([]);

    const { code, stdout } = await runOps(['dlq', 'replay', '--yes', '--json'], env);
    expect(jsonLines<LetterLine>(stdout).map(({ state, result }) => [state, result])).toEqual([
      ['superseded', expect.stringContaining('version 5')],
      ['superseded', expect.stringContaining('deleted')],
      ['replayed', null],
      ['failed', expect.stringContaining('set back')],
    ]);
    expect(code).toBe(2);
    // The deletion, and the tombstone that lets compaction forget the task.
    const messages = await topics.readAll(topics.tasks);
    expect(messages.map(({ key, value }) => [String(key), value === null])).toEqual([
      [deleted.id, false],
      [deleted.id, true],
    ]);
  });

  it('locks no row while it waits for Kafka, and puts what changed meanwhile behind the replayed event, also where somebody has it locked', async () => {
    const [kept, changed, locked, deleted] = [
      await store(taskOf()),
      await store(taskOf()),
      await store(taskOf()),
      await store(taskOf()),
    ];
    const all = [kept, changed, locked, deleted];
    const placed = taskIn({ TASKS_TOPIC: topics.tasks, DEAD_LETTER_TOPIC: topics.deadLetters });
    await topics.produceLetters(
      all.map((task) => deadLetter(eventRecord('tasks.event.created', task), 'rejected_by_index')),
    );
    const config = readEnv(kafkaEnv, env);
    const { signal } = new AbortController();
    const logger = createLogger({ service: 'test', level: 'silent' });
    const reader = await createTopicReader(config, { logger, signal });
    const producer = await createProducer(
      config,
      { clientId: 'test', logger, deliveryTimeoutMs: 30_000, maxMessageBytes: 1_000_000 },
      signal,
    );
    const writers = new Pool({ connectionString: database.url, options: '-c lock_timeout=5000' });
    const client = new Client({ connectionString: database.url });
    await client.connect();
    try {
      const store = createTaskStore({
        pool: writers,
        entity: placed,
        onCommit: () => undefined,
        onBatch: () => undefined,
      });
      const change = { actor: ANYBODY, expected: undefined, traceparent: null, tracestate: null };
      const holder = await writers.connect();
      const send: typeof producer.send = async (topic, records) => {
        for (const { id } of [changed, locked]) {
          await store.update({ ...change, id, columns: createCommand(creationOf('newer')).columns });
        }
        await store.delete({ ...change, id: deleted.id });
        await holder.query('BEGIN');
        await holder.query(`SELECT FROM ${placed.table} WHERE id = $1 FOR UPDATE`, [locked.id]);
        setTimeout(
          () =>
            void holder.query('COMMIT').then(() => {
              holder.release();
            }),
          1_000,
        );
        return producer.send(topic, records);
      };
      const batches = findDeadLetters({ reader, topic: topics.deadLetters, filter: {}, signal });
      for await (const batch of batches) {
        const tracked = await withLastActions(client, topics.deadLetters, batch);
        const outcomes = await replayDeadLetters({ client, producer: { send }, entity: placed, actor: 'ada' }, tracked);
        expect(outcomes.map(({ state }) => state)).toEqual(all.map(() => 'replayed'));
      }
      expect((await topics.readAll(topics.tasks)).map(({ key }) => String(key))).toHaveLength(4);
      const { rows } = await client.query<{ id: string; type: string; version: string }>(
        'SELECT task_id::text AS id, type, version FROM outbox WHERE task_id = ANY($1) ORDER BY outbox.id',
        [all.map(({ id }) => id)],
      );
      expect(rows.slice(0, 3)).toEqual([
        { id: changed.id, type: 'tasks.event.updated', version: '2' },
        { id: locked.id, type: 'tasks.event.updated', version: '2' },
        { id: deleted.id, type: 'tasks.event.deleted', version: '2' },
      ]);
      expect(rows.slice(3)).toHaveLength(3);
      expect(rows.slice(3)).toEqual(expect.arrayContaining(rows.slice(0, 3)));
    } finally {
      await Promise.all([client.end(), writers.end(), producer.disconnect(5_000), reader.close()]);
    }
  });

  it('waits for no answer when all dead letters are meant, but refuses until it is told so', async () => {
    await topics.produceLetters([
      deadLetter(eventRecord('tasks.event.created', await store(taskOf())), 'rejected_by_index'),
    ]);
    for (const verb of ['replay', 'discard']) {
      const { code, stderr } = await runOps(['dlq', verb], env);
      expect(code).toBe(1);
      expect(stderr).toContain(`would ${verb} all of 1 open dead letter.`);
    }
    expect(await topics.end()).toBe(0);
    expect(await actions()).toEqual([]);
  });
});

describe('dlq list, show and discard', () => {
  it('pick dead letters by reason, time, task, partition and offset', async () => {
    const [a, b] = [taskOf(), taskOf()];
    await topics.produceLetters([
      deadLetter(eventRecord('tasks.event.created', a), 'rejected_by_index'),
      deadLetter({ ...eventRecord('tasks.event.created', a), key: b.id }, 'key_mismatch'),
      deadLetter({ key: b.id, value: Buffer.from([0xff]), headers: [] }, 'malformed_event'),
    ]);
    const offsets = async (filter: DeadLetterFilter = {}) => (await list(filter)).map(({ offset }) => offset);
    const agoMs = Date.now() - 600_000;
    expect(await offsets()).toEqual([0, 1, 2]);
    expect(await offsets({ reasons: ['key_mismatch', 'malformed_event'] })).toEqual([1, 2]);
    expect(await offsets({ task: a.id })).toEqual([0, 1]);
    expect(await offsets({ task: b.id })).toEqual([1, 2]);
    // As Swift and some tools print ids.
    expect(await offsets({ task: b.id.toUpperCase() })).toEqual([1, 2]);
    expect(await offsets({ offsets: [2, 0] })).toEqual([0, 2]);
    expect(await offsets({ partition: 9 })).toEqual([]);
    expect(await offsets({ sinceMs: agoMs })).toEqual([0, 1, 2]);
    expect(await offsets({ untilMs: agoMs })).toEqual([]);
    const [middle = 0] = (await topics.readAll(topics.deadLetters)).map(({ timestamp }) => timestamp ?? 0);
    expect(await offsets({ sinceMs: middle + 60_000 })).toEqual([]);
    // The same from the command line.
    const flags = ['--reason', 'key_mismatch', '--reason', 'malformed_event', '--task', b.id, '--since', '10m'];
    const json = await runOps(['dlq', 'list', '--json', ...flags, '--offset', '2', '--partition', '0'], env);
    expect(json).toMatchObject({ code: 0, stderr: '' });
    expect(jsonLines<LetterLine>(json.stdout)).toMatchObject([
      { offset: 2, state: 'open', reason: 'malformed_event', task: b.id, source: { partition: 3, offset: 7 } },
    ]);
    const table = await runOps(['dlq', 'list'], env);
    expect(table.stdout).toContain(`${topics.tasks} 3:7`);
    expect(table.stdout).toContain('3 open dead letters: 1 rejected_by_index, 1 key_mismatch, 1 malformed_event');
    expect((await runOps(['dlq', 'list', '--since', 'yesterday'], env)).code).toBe(1);

    const discarded = await runOps(
      ['dlq', 'discard', '--reason', 'malformed_event', '--by', 'ada', '--note', 'old importer'],
      env,
    );
    expect(discarded).toMatchObject({
      code: 0,
      stdout: '0:2  discarded\n1 dead letter discarded: 1 malformed_event\n',
    });
    expect(await actions()).toEqual([
      {
        letter_offset: '2',
        action: 'discard',
        state: 'discarded',
        actor: 'ada',
        result: 'old importer',
        is_finished: true,
      },
    ]);
    expect(await offsets()).toEqual([0, 1]);
    expect(await list({}, { all: true })).toMatchObject([{ state: 'open' }, { state: 'open' }, { state: 'discarded' }]);
  });

  it('show all of a dead letter, and let none of its bytes reach the terminal', async () => {
    await topics.produceLetters([
      deadLetter(
        { key: 'k\u001b[2J', value: Buffer.from('{"a":"\u009b31m\u202e"}'), headers: [{ 'x-origin': 'te\u0007st' }] },
        'schema_violation',
      ),
      deadLetter({ key: 'k', value: Buffer.from([0xff, 0xfe, 0x41]), headers: [] }, 'malformed_event'),
    ]);
    const first = await runOps(['dlq', 'show', '0:0'], env);
    expect(first.code).toBe(0);
    expect(first.stdout).toContain('k\\u001b[2J');
    expect(first.stdout).toContain('x-origin: te\\u0007st');
    expect(first.stdout).toContain('"a": "\\u009b31m\\u202e"');
    expect(first.stdout).toContain('dlq.reason: schema_violation');
    const second = await runOps(['dlq', 'show', '0:1'], env);
    expect(second.stdout).toContain('ff fe 41');
    for (const { stdout } of [first, second, await runOps(['dlq', 'list'], env)]) {
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    }
    const json = await runOps(['dlq', 'show', '0:1', '--json'], env);
    expect(JSON.parse(json.stdout)).toMatchObject({ value: 'base64://5B' });
    expect(await runOps(['dlq', 'show', '0:99'], env)).toMatchObject({ code: 1, stdout: '' });
  });
});
