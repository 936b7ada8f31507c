import { describe, expect, it } from 'vitest';
import { judgeItem } from '../../services/pipeline/index/bulk-item.ts';

/** A deletion is an index action, as its marker is a document; a purge is a delete action. */
const ACTIONS = { index: 'index', delete: 'index', purge: 'delete' } as const;

const judge = (operation: keyof typeof ACTIONS, status: number, type?: string) =>
  judgeItem(
    { [ACTIONS[operation]]: { status, ...(type === undefined ? {} : { error: { type, reason: 'because' } }) } },
    operation,
    3,
  );

describe('judgeItem', () => {
  it.each([
    ['index', 201, undefined, 'indexed'],
    ['index', 200, undefined, 'indexed'],
    ['delete', 201, undefined, 'deleted'],
    ['delete', 200, undefined, 'deleted'],
    ['purge', 200, undefined, 'deleted'],
    ['purge', 404, undefined, 'stale'],
    ['purge', 409, 'version_conflict_engine_exception', 'stale'],
    ['index', 409, 'version_conflict_engine_exception', 'stale'],
    ['delete', 409, 'version_conflict_engine_exception', 'stale'],
    ['index', 429, 'es_rejected_execution_exception', 'retry'],
    ['index', 429, 'cluster_block_exception', 'retry'],
    ['index', 503, 'unavailable_shards_exception', 'retry'],
    ['index', 403, 'cluster_block_exception', 'retry'],
    ['index', 404, 'index_not_found_exception', 'retry'],
    ['delete', 404, 'index_not_found_exception', 'retry'],
    ['index', 403, 'security_exception', 'retry'],
    ['index', 400, 'illegal_argument_exception', 'retry'],
    ['index', 400, 'fail_processor_exception', 'retry'],
    ['index', 400, 'an_error_of_the_next_version', 'retry'],
    ['index', 500, 'document_parsing_exception', 'retry'],
    ['index', 400, 'document_parsing_exception', 'rejected'],
    ['index', 400, 'mapper_parsing_exception', 'rejected'],
    ['index', 400, 'strict_dynamic_mapping_exception', 'rejected'],
  ] as const)('%s with status %i and error %s is %s', (action, status, type, kind) => {
    expect(judge(action, status, type).kind).toBe(kind);
  });

  it('rejects a term that Lucene cannot hold, though its error alone says nothing', () => {
    const immense = { type: 'max_bytes_length_exceeded_exception', reason: 'bytes can be at most 32766 in length' };
    const error = { type: 'illegal_argument_exception', reason: 'immense term', caused_by: immense };
    expect(judgeItem({ index: { status: 400, error } }, 'index', 1).kind).toBe('rejected');
  });

  it('retries what the response does not speak of, as no news is not good news', () => {
    expect(judgeItem(undefined, 'index', 1).kind).toBe('retry');
    expect(judgeItem({}, 'index', 1).kind).toBe('retry');
  });

  it('keeps the reason and the number of attempts of a rejection', () => {
    expect(judge('index', 400, 'document_parsing_exception')).toMatchObject({
      error: { code: 'rejected_by_index', message: 'document_parsing_exception: because' },
      attempts: 3,
    });
  });
});
