/** From conditions to a query of Elasticsearch. */
import type { estypes } from '@elastic/elasticsearch';
import type { Priority } from '../events.ts';

export interface SearchConditions {
  readonly description?: string | undefined;
  readonly priority?: Priority | undefined;
  readonly isDone?: boolean | undefined;
}

/** All conditions must hold; only the description counts for the score. */
export const toQuery = ({ description, priority, isDone }: SearchConditions): estypes.QueryDslQueryContainer => ({
  bool: {
    must:
      description === undefined || description.trim() === ''
        ? [{ match_all: {} }]
        : [{ match: { description: { query: description, operator: 'and' } } }],
    filter: [
      ...(priority === undefined ? [] : [{ term: { priority } }]),
      ...(isDone === undefined ? [] : [{ term: { isDone } }]),
    ],
  },
});

/** The best match first; among equals the newest, as ids are in order of creation. */
export const SORT: estypes.Sort = [{ _score: { order: 'desc' } }, { id: { order: 'desc' } }];
