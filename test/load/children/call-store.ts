/** The ceiling of HTTP: the same SQL and the same searches by the same clients, called without HTTP. */
import { ANYBODY } from '../../../services/platform/auth/actor.ts';
import { createElasticsearch, elasticsearchEnv } from '../../../services/platform/elasticsearch.ts';
import { readEnv } from '../../../services/platform/env.ts';
import { createLogger } from '../../../services/platform/logger.ts';
import { createPool, postgresEnv } from '../../../services/platform/postgres.ts';
import { placeTask, taskEnv } from '../../../services/task/env.ts';
import { columnsToUpdate, toQuery } from '../../../services/pipeline/field.ts';
import { BY_SCORE, inOrder } from '../../../services/pipeline/index/search.ts';
import { taskFields } from '../../../services/task/fields.ts';
import { createTaskStore } from '../../../services/task/store.ts';
import { answerOrder } from '../child.ts';
import { createCommand, descriptionOf, queryOf } from '../tasks.ts';
import type { Operation } from './generate-http.ts';
import { searchFor, updateOf } from '../../support/sample.ts';

export interface StoreOrder {
  readonly env: Readonly<Record<string, string>>;
  readonly operation: Operation;
  readonly concurrency: number;
  readonly seconds: number;
  readonly ids: readonly string[];
}

export interface StoreResult {
  readonly perSecond: number;
}

answerOrder<StoreOrder>(async ({ env, operation, concurrency, seconds, ids }) => {
  const pool = createPool(readEnv(postgresEnv, env), 'bench', createLogger({ service: 'bench', level: 'silent' }));
  const config = readEnv({ ...elasticsearchEnv, ...taskEnv }, env);
  const client = createElasticsearch(config);
  const store = createTaskStore({
    pool,
    entity: placeTask(config),
    onCommit: () => undefined,
    onBatch: () => undefined,
  });
  let turn = 0;
  const id = () => ids[(turn * 7_919) % ids.length] ?? '';
  const calls: Readonly<Record<Operation, () => Promise<unknown>>> = {
    create: () => store.create(createCommand(turn)),
    update: () =>
      store.update({
        id: id(),
        actor: ANYBODY,
        columns: columnsToUpdate(taskFields, updateOf(descriptionOf(turn))),
        expected: undefined,
        traceparent: null,
        tracestate: null,
      }),
    read: () => store.read(id(), ANYBODY),
    list: () => store.list(ANYBODY, 20, undefined),
    search: () =>
      client.search({
        index: config.TASK_INDEX,
        // As the API asks: what is compared is all that it does besides.
        query: inOrder(toQuery(taskFields, searchFor(queryOf(turn)), 0), undefined, undefined),
        sort: BY_SCORE,
        size: 10,
        from: 0,
        track_total_hits: true,
        track_scores: true,
      }),
  };
  const call = calls[operation];
  let done = 0;
  const endsAt = performance.now() + seconds * 1_000;
  const startedAt = performance.now();
  const loop = async () => {
    while (performance.now() < endsAt) {
      turn += 1;
      await call();
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  return { perSecond: (done * 1_000) / (performance.now() - startedAt) };
});
