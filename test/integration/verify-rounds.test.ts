import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { readEnv } from '../../services/platform/env.ts';
import { placeTask, taskEnv } from '../../services/task/env.ts';
import { verify, type Difference, type VerifyResult } from '../../services/pipeline/verify/verify.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestIndex, type TestIndex } from '../support/search-index.ts';
import { fillStores, insertRows } from '../support/stores.ts';
import { TEXT_FIELD } from '../support/sample.ts';

let database: TestDatabase;
let index: TestIndex;

beforeAll(async () => {
  [database, index] = await Promise.all([
    createTestDatabase(inject('databaseUrl')),
    createTestIndex(inject('elasticsearchUrl')),
  ]);
});
afterAll(() => Promise.all([database.close(), index.close()]));

const run = async (repair: boolean): Promise<{ result: VerifyResult; found: Difference[]; mostCandidates: number }> => {
  const found: Difference[] = [];
  let mostCandidates = 0;
  const result = await verify({
    pool: database.pool,
    client: index.client,
    entity: placeTask(readEnv(taskEnv, { TASK_INDEX: index.alias })),
    topic: undefined,
    onRetry: () => undefined,
    graceMs: 0,
    repair,
    content: false,
    deletionDays: 30,
    maxRate: undefined,
    maxCandidates: 1_000,
    onProgress: ({ candidates }) => (mostCandidates = Math.max(mostCandidates, candidates)),
    onDifference: (difference) => found.push(difference),
  });
  return { result, found, mostCandidates };
};

describe('verify', () => {
  it('settles more candidates than it holds in rounds, those without a place in the order included', async () => {
    await fillStores(database, index, 6_000);
    const missing = Array.from({ length: 2_500 }, () => uuidv7());
    await insertRows(database, missing, 4);
    // More than a page of them, all at the end of the order: they lack the field it goes by.
    const strangers = Array.from({ length: 5_100 }, (_, i) => `stranger ${i}`);
    await index.client.bulk({
      index: index.alias,
      operations: strangers.flatMap((id) => [{ index: { _id: id } }, { [TEXT_FIELD]: 'of another system' }]),
    });

    const before = await run(false);
    expect(before.result).toMatchObject({ rows: 8_500, documents: 11_100, undecided: 0 });
    expect(before.result.drift).toEqual({ missing: 2_500, stale: 0, ahead: 0, surplus: 5_100, content: 0 });
    expect(new Set(before.found.map(({ id }) => id))).toEqual(new Set([...missing, ...strangers]));
    // Differences are looked at a thousand at a time before they become candidates.
    expect(before.mostCandidates).toBeLessThan(2_000);

    const repaired = await run(true);
    expect(repaired.result.repaired).toEqual(before.result.drift);
    const after = await run(false);
    expect(after.result).toMatchObject({ rows: 8_500, documents: 8_500, undecided: 0 });
    expect(after.found).toEqual([]);
    expect(await index.versions()).toEqual(await database.versions());
  });
});
