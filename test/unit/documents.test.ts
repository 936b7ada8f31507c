import type { Client } from '@elastic/elasticsearch';
import { describe, expect, it } from 'vitest';
import { createDocumentReader } from '../../services/pipeline/index/documents.ts';

const hit = { _id: 'a', _version: 3, sort: ['a'] };
const whole = { hits: { hits: [hit] }, timed_out: false, _shards: { failed: 0 } };

/** Elasticsearch as far as a snapshot asks it, with these answers to searches, one after the other. */
const answering = (answers: readonly object[]): Client => {
  let asked = 0;
  return {
    indices: { getSettings: () => Promise.resolve({ tasks: {} }), refresh: () => Promise.resolve({}) },
    openPointInTime: () => Promise.resolve({ id: 'pit' }),
    count: () => Promise.resolve({ count: 1 }),
    search: () => Promise.resolve(answers[asked++]),
  } as unknown as Client;
};

describe('a page of documents', () => {
  it.each([
    ['a shard did not answer', { ...whole, hits: { hits: [] }, _shards: { failed: 1 } }],
    ['the search timed out', { ...whole, hits: { hits: [] }, timed_out: true }],
  ])('is asked for again when %s: its holes are no answer', async (_, holes) => {
    const reasons: unknown[] = [];
    const onRetry = (error: unknown) => reasons.push(error);
    const { pages } = await createDocumentReader(answering([holes, whole]), 'tasks', { onRetry }).snapshot(60);
    const found = [];
    for await (const page of pages()) found.push(...page);
    expect(found).toEqual([{ id: 'a', version: 3, deletedAt: null, isMisplaced: false }]);
    expect(reasons).toHaveLength(1);
  });

  it('ends the run with what is missing when nobody waits for more', async () => {
    const holes = { ...whole, hits: { hits: [] }, _shards: { failed: 1 } };
    const options = { onRetry: () => undefined, signal: AbortSignal.abort() };
    const { pages } = await createDocumentReader(answering([holes]), 'tasks', options).snapshot(60);
    await expect(pages().next()).rejects.toThrow('1 shards of tasks did not answer');
  });
});
