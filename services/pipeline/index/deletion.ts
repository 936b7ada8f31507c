/**
 * A deletion as a document: the marker. Elasticsearch itself forgets the version of a deleted document when its shard moves
 * or its node restarts (elastic/elasticsearch#101178), and then takes a late older event for a new document. A marker is
 * data, so it survives what data survives.
 *
 * The alias hides markers by its filter, from every version of the services and from every count. What reads an index by
 * its name, or a document by its id, meets them.
 */
import type { estypes } from '@elastic/elasticsearch';

/** Only a marker has it. */
export const DELETED_AT = 'deletedAt';

/** Part of the mapping of every index. */
export const DELETION_PROPERTIES = { [DELETED_AT]: { type: 'date' } } as const satisfies Record<
  string,
  estypes.MappingProperty
>;

/** What the alias shows: all but markers. */
export const NOT_DELETED: estypes.QueryDslQueryContainer = { bool: { must_not: [{ exists: { field: DELETED_AT } }] } };

/** The alias of an index that serves, as `_aliases` adds it. */
export const servingAlias = (index: string, alias: string) => ({
  index,
  alias,
  is_write_index: true,
  filter: NOT_DELETED,
});

/** @param deletion when it was deleted, as RFC 3339 */
export const deletionMarker = ({
  id,
  version,
  deletedAt,
}: {
  readonly id: string;
  readonly version: number;
  readonly deletedAt: string;
}): object => ({ id, version, [DELETED_AT]: deletedAt });
