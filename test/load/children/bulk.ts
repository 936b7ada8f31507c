/** Raw `_bulk`: the documents of a topic, straight from memory, as requests of the indexer's size, one after the other. */
import { createElasticsearch, elasticsearchEnv } from '../../../services/platform/elasticsearch.ts';
import { readEnv } from '../../../services/platform/env.ts';
import type { Task } from '../../../services/task/task.ts';
import { readTopic } from '../../support/kafka.ts';
import { answerOrder } from '../child.ts';

export interface BulkOrder {
  readonly env: Readonly<Record<string, string>>;
  readonly topic: string;
  readonly alias: string;
  readonly chunk: number;
}

answerOrder<BulkOrder>(async ({ env, topic, alias, chunk }) => {
  const startedReadingAt = performance.now();
  const messages = await readTopic(env['KAFKA_BROKERS'] ?? '', topic);
  const readMs = performance.now() - startedReadingAt;
  const documents = messages.flatMap(({ value }) =>
    value === null ? [] : [(JSON.parse(String(value)) as { value: Task }).value],
  );
  const bodies = Array.from({ length: Math.ceil(documents.length / chunk) }, (_, n) =>
    documents
      .slice(n * chunk, (n + 1) * chunk)
      .flatMap((task) => [
        JSON.stringify({ index: { _id: task.id, version: task.version, version_type: 'external' } }),
        JSON.stringify(task),
      ]),
  );
  const client = createElasticsearch(readEnv(elasticsearchEnv, env));
  const startedAt = performance.now();
  for (const operations of bodies) {
    const { errors } = await client.bulk({ index: alias, operations, filter_path: ['errors', 'items.*.status'] });
    if (errors) throw new Error('a document was refused');
  }
  const ms = performance.now() - startedAt;
  await client.close();
  return {
    perSecond: (documents.length * 1_000) / ms,
    consumedPerSecond: (messages.length * 1_000) / readMs,
  };
});
