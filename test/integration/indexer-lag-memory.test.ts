import { readFileSync } from 'node:fs';
import { expect, inject, it } from 'vitest';
import { eventRecord, taskOf } from '../support/events.ts';
import { createIndexerFixture } from '../support/indexer.ts';
import { killProcess, startService } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

const MIB = 1_048_576;
/** The least limit of the manifests, and the heap that Node takes below it. */
const LIMIT_BYTES = 384 * MIB;
const HEAP_MIB = 192;
const COUNT = 20_000;

const peakBytes = (pid: number | undefined): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024;

it('stays below the limit of the manifests with the most compressible backlog', async () => {
  const fixture = await createIndexerFixture({
    kafkaBrokers: inject('kafkaBrokers'),
    elasticsearchUrl: inject('elasticsearchUrl'),
    topics: { partitions: 12 },
  });
  try {
    // JSON writes each of these characters with six bytes: 24 kB that compress to almost nothing.
    const description = `x${'\u0001'.repeat(3_990)}x`;
    for (let sent = 0; sent < COUNT; sent += 1_000) {
      const tasks = Array.from({ length: 1_000 }, () => taskOf({ description }));
      await fixture.topics.produce(tasks.map((task) => eventRecord('tasks.event.created', task)));
    }
    const service = await startService('indexer', {
      ...fixture.env,
      NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}`,
    });
    try {
      await waitFor(
        'the backlog to drain',
        async () => {
          expect(service.child.exitCode).toBeNull();
          return (await fixture.topics.committed(fixture.group)) >= COUNT;
        },
        { timeoutMs: 240_000, intervalMs: 500 },
      );
      expect(peakBytes(service.child.pid) / MIB).toBeLessThan(LIMIT_BYTES / MIB);
    } finally {
      await killProcess(service);
    }
  } finally {
    await fixture.close();
  }
});
