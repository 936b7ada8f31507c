/**
 * The indexers are away until the broker has compacted what they did not read: of a deleted task only its tombstone is left.
 */
import { waitFor } from '../../support/wait.ts';
import { stopGracefully, type Fault } from './fault.ts';

/** The cleaner looks every 15 s, and a segment is closed by the next record after its time. */
const COMPACT_MS = 120_000;
/** Deletions whose event is gone before anybody indexed it. */
const LEAST = 10;

export const compactTopic: Fault = {
  name: 'compact-topic',
  graceful: false,
  touches: ['topic', 'indexers'],
  isAlone: true,
  topicConfig: { 'segment.ms': '500', 'min.cleanable.dirty.ratio': '0.01', 'min.compaction.lag.ms': '0' },
  inject: async ({ topics, indexers, startIndexer }, _random, history) => {
    history.isCompacted = true;
    const away = indexers.splice(0);
    await stopGracefully(away);
    const from = await topics.end();
    await waitFor(
      'the topic to be compacted',
      async () => {
        const records = await topics.readAll(topics.tasks);
        const deletions = new Set(
          records.filter(({ value }) => value?.includes('tasks.event.deleted')).map(({ key }) => String(key)),
        );
        const bare = records.filter(({ key, value }) => value === null && !deletions.has(String(key)));
        return (await topics.end()) > from && bare.length >= LEAST;
      },
      { timeoutMs: COMPACT_MS, intervalMs: 1_000 },
    );
    await Promise.all(away.map(startIndexer));
  },
};
