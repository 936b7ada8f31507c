import { randomBytes } from 'node:crypto';
import kafka from '@confluentinc/kafka-javascript';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { Task } from '../../services/task/task.ts';
import { eventRecord, taskOf } from '../support/events.ts';
import { createIndexerFixture, type IndexerFixture, type RunningIndexer } from '../support/indexer.ts';
import { createHttpProxy } from '../support/http-proxy.ts';
import { killProcess, startService, type ServiceProcess } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';
import { TEXT_FIELD } from '../support/sample.ts';

const { ConsumerGroupTypes } = kafka;
const BATCH = 100;

let fixture: IndexerFixture;
const processes: ServiceProcess[] = [];

beforeEach(async () => {
  fixture = await createIndexerFixture({
    kafkaBrokers: inject('kafkaBrokers'),
    elasticsearchUrl: inject('elasticsearchUrl'),
    topics: { partitions: 6 },
  });
});
afterEach(async () => {
  await Promise.all(processes.splice(0).map(killProcess));
  await fixture.close();
});

/** One event for each of `count` tasks: an event that is delivered twice shows as stale. */
const produce = async (count: number, fields: Partial<Task> = {}): Promise<void> => {
  for (let sent = 0; sent < count; sent += 1_000) {
    const tasks = Array.from({ length: Math.min(1_000, count - sent) }, () => taskOf(fields));
    await fixture.topics.produce(tasks.map((task) => eventRecord('tasks.event.created', task)));
  }
};
const spawnIndexer = async (env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> => {
  const service = await startService('indexer', { ...fixture.env, BATCH_MAX_EVENTS: String(BATCH), ...env });
  processes.push(service);
  return service;
};
const sum = async (indexers: readonly RunningIndexer[], outcome: string): Promise<number> => {
  const counts = await Promise.all(
    indexers.map((indexer) => indexer.metric('taskstream_indexer_events_total', { outcome })),
  );
  return counts.reduce((total, count) => total + count, 0);
};
const committedSome = (least: number) =>
  waitFor('some events to be committed', async () => (await fixture.topics.committed(fixture.group)) >= least, {
    timeoutMs: 90_000,
    intervalMs: 5,
  });

const PROTOCOLS = ['classic', 'consumer'] as const;

describe('stopping', () => {
  it.each(PROTOCOLS)(
    'exits 0 within its deadline on SIGTERM under load, and nothing is re-delivered: %s',
    async (protocol) => {
      const count = 20_000;
      const env = { GROUP_PROTOCOL: protocol };
      await produce(count);
      // Small batches, so that the load is not over before the signal comes.
      const service = await spawnIndexer({ ...env, BATCH_MAX_EVENTS: '20' });
      await committedSome(500);
      // Past its deadline it would exit with 1.
      service.child.kill('SIGTERM');
      expect(await service.exited).toEqual({ code: 0, signal: null });
      const before = await fixture.topics.committed(fixture.group);
      expect(before).toBeLessThan(count);

      const next = await fixture.start(env);
      await fixture.settled();
      expect(await sum([next], 'stale')).toBe(0);
      expect(await sum([next], 'indexed')).toBe(count - before);
      expect((await fixture.index.versions()).size).toBe(count);
    },
  );

  it.each(PROTOCOLS)('loses nothing when killed, and re-delivers only what was not committed: %s', async (protocol) => {
    const count = 20_000;
    const env = { GROUP_PROTOCOL: protocol };
    await produce(count);
    const service = await spawnIndexer({ ...env, BATCH_MAX_EVENTS: '20', SESSION_TIMEOUT_MS: '6000' });
    await committedSome(500);
    service.child.kill('SIGKILL');
    await service.exited;
    const committed = await fixture.topics.committed(fixture.group);
    const written = (await fixture.index.versions()).size;
    // Commits follow the batches: they are not left to some later moment.
    expect(written - committed).toBeLessThan(count / 2);
    const next = await fixture.start(env);
    await fixture.settled();
    expect((await fixture.index.versions()).size).toBe(count);
    // The batch in flight may have been written after its indexer's death.
    expect(await sum([next], 'stale')).toBeLessThanOrEqual(written - committed + BATCH);
  });

  it('exits 0 while Elasticsearch is down, and leaves its events to the next indexer', async () => {
    await produce(300);
    const service = await spawnIndexer({ ELASTICSEARCH_URL: 'http://127.0.0.1:1', DRAIN_DEADLINE_MS: '500' });
    await waitFor('a retry', async () => (await service.metric('taskstream_indexer_retrying_operations')) > 0);
    service.child.kill('SIGTERM');
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(await fixture.topics.committed(fixture.group)).toBe(0);
    await fixture.start();
    await fixture.settled();
    expect((await fixture.index.versions()).size).toBe(300);
  });

  it.each([
    ['writes and refreshes hang', /_bulk|_refresh/],
    ['a refresh hangs', /_refresh/],
  ])('exits 0 while %s', async (_, hanging) => {
    let isHanging = false;
    let hung = 0;
    const proxy = await createHttpProxy(inject('elasticsearchUrl'), {
      before: (_method, path) => {
        if (!isHanging || !hanging.test(path)) return Promise.resolve(true);
        hung += 1;
        return new Promise(() => undefined);
      },
    });
    try {
      const service = await spawnIndexer({ ELASTICSEARCH_URL: proxy.url, DRAIN_DEADLINE_MS: '500' });
      await produce(300);
      await fixture.settled();
      isHanging = true;
      await produce(5);
      await waitFor('a request to hang', () => hung > 0);
      service.child.kill('SIGTERM');
      expect(await service.exited).toEqual({ code: 0, signal: null });
    } finally {
      await proxy.close();
    }
  });
});

describe('a rebalance under load', () => {
  it.each([
    ['classic', 'classic'],
    ['consumer', 'consumer'],
    // As while a Deployment replaces its pods by others with another setting.
    ['classic', 'consumer'],
    ['consumer', 'classic'],
  ])('loses nothing and re-delivers nothing when indexers come and go gracefully: %s, then %s', async (first, then) => {
    const count = 30_000;
    const env = { BATCH_MAX_EVENTS: String(BATCH) };
    await produce(count);
    const later = { ...env, GROUP_PROTOCOL: then };
    const indexers = [await fixture.start({ ...env, GROUP_PROTOCOL: first })];
    await committedSome(300);
    indexers.push(await fixture.start(later), await fixture.start(later));
    await waitFor('every indexer to have a partition', async () => {
      const owned = await Promise.all(
        indexers.map((indexer) => indexer.metric('taskstream_indexer_assigned_partitions')),
      );
      return owned.every((partitions) => partitions === 2);
    });
    // As `ops lag` and the console see the group.
    const { type, members } = await fixture.describeGroup();
    expect(type).toBe(ConsumerGroupTypes[first === 'classic' && then === 'classic' ? 'CLASSIC' : 'CONSUMER']);
    expect(members.map(({ assignment }) => assignment.topicPartitions.length)).toEqual([2, 2, 2]);
    await indexers[1]?.close();
    await fixture.settled();
    expect(await sum(indexers, 'stale')).toBe(0);
    expect(await sum(indexers, 'indexed')).toBe(count);
    expect((await fixture.index.versions()).size).toBe(count);
  });
});

describe('back-pressure', () => {
  it('keeps memory bounded whatever the lag', async () => {
    const batch = 500;
    /** Waits until the lag is gone; returns the most memory that was in use meanwhile, and the fullest buffer. */
    const drain = async (service: ServiceProcess) => {
      let residentBytes = 0;
      let buffered = 0;
      const end = await fixture.topics.end();
      await waitFor(
        'the lag to drain',
        async () => {
          residentBytes = Math.max(residentBytes, service.residentBytes());
          buffered = Math.max(buffered, await service.metric('taskstream_indexer_buffered_events'));
          return (await fixture.topics.committed(fixture.group)) >= end;
        },
        { timeoutMs: 180_000 },
      );
      return { residentBytes, buffered };
    };
    // Text that hardly compresses, so that what waits is as large in the broker as in memory. Letters of one case: at each other
    // sign a word has another part, and Elasticsearch would be what is measured.
    const large = { [TEXT_FIELD]: Buffer.from(randomBytes(2_900).map((byte) => 97 + (byte % 26))).toString() };
    const service = await spawnIndexer({ BATCH_MAX_EVENTS: String(batch), FETCH_BUFFER_KBYTES: '4096' });
    /** Lets `count` events of about 3.5 KB wait, and then drains them. */
    const drainBacklog = async (count: number) => {
      service.child.kill('SIGSTOP');
      await produce(count, large);
      service.child.kill('SIGCONT');
      return drain(service);
    };
    const little = await drainBacklog(20_000);
    const much = await drainBacklog(60_000);
    expect(Math.max(little.buffered, much.buffered)).toBeLessThanOrEqual(batch);
    // 140 MB more waited the second time. What a collector leaves lying about grows more slowly than that.
    expect(much.residentBytes - little.residentBytes).toBeLessThan(128 * 1_024 * 1_024);
  }, 300_000);
});
