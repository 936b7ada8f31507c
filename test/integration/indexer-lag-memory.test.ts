import { expect, inject, it } from 'vitest';
import { eventRecord, taskOf } from '../support/events.ts';
import { createIndexerFixture } from '../support/indexer.ts';
import { CONTAINER, killProcess, startService } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';
import { TEXT_FIELD } from '../support/sample.ts';

const COUNT = 20_000;

it('stays below the limit of the manifests with the most compressible backlog', async () => {
  const fixture = await createIndexerFixture({
    kafkaBrokers: inject('kafkaBrokers'),
    elasticsearchUrl: inject('elasticsearchUrl'),
    topics: { partitions: 12 },
  });
  try {
    // JSON writes each of these characters with six bytes: 24 kB that compress to almost nothing.
    const text = `x${'\u0001'.repeat(3_990)}x`;
    for (let sent = 0; sent < COUNT; sent += 1_000) {
      const tasks = Array.from({ length: 1_000 }, () => taskOf({ [TEXT_FIELD]: text }));
      await fixture.topics.produce(tasks.map((task) => eventRecord('tasks.event.created', task)));
    }
    const service = await startService('indexer', { ...fixture.env, NODE_OPTIONS: CONTAINER.nodeOptions });
    try {
      await waitFor(
        'the backlog to drain',
        async () => {
          expect(service.child.exitCode).toBeNull();
          return (await fixture.topics.committed(fixture.group)) >= COUNT;
        },
        { timeoutMs: 240_000, intervalMs: 500 },
      );
      expect(service.peakBytes()).toBeLessThan(CONTAINER.limitBytes);
    } finally {
      await killProcess(service);
    }
  } finally {
    await fixture.close();
  }
});
