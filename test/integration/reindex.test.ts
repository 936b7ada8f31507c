import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureTaskIndex, taskMapping } from '../../services/indexer/task-index.ts';
import { encodeEvent } from '../../services/shared/events.ts';
import { toHeaders } from '../../services/shared/producer.ts';
import { eventRecord, taskOf } from '../support/events.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import { runOps, startOps } from '../support/run-ops.ts';
import { waitFor } from '../support/wait.ts';

let pipeline: Pipeline;

beforeEach(async () => {
  pipeline = await createPipeline();
});
afterEach(async () => {
  await pipeline.close();
});

const reindex = (...args: string[]) => runOps(['reindex', ...args], pipeline.env);
const indexOf = (number: number) => `${pipeline.index.alias}-00000${number}`;
const liveIndex = async () => Object.keys(await pipeline.index.client.indices.getAlias({ name: pipeline.index.alias }));

/** Tasks straight into the database, without events. */
const insertTasks = async (count: number, description = 'task'): Promise<void> => {
  await pipeline.database.pool.query(
    `INSERT INTO tasks (id, description, version, created_at, updated_at)
     SELECT uuidv7(), $1 || ' ' || i, 1 + i % 3, now(), now() FROM generate_series(1, $2) AS i`,
    [description, count],
  );
};

describe('ops reindex', () => {
  it('smoke', async () => {
    await insertTasks(2_500);
    const result = await reindex('--json');
    console.log(result);
    expect(result.code).toBe(0);
    expect(await liveIndex()).toEqual([indexOf(2)]);
    expect(await pipeline.index.versions()).toEqual(await pipeline.database.versions());
    console.log((await reindex('list')).stdout, await pipeline.index.client.indices.get({ index: indexOf(2) }));
  });
});
void [ensureTaskIndex, taskMapping, encodeEvent, toHeaders, eventRecord, taskOf, startOps, waitFor];
