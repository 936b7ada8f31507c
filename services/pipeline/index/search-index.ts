/** The search index of an entity: its settings, and its creation behind an alias. */
import type { Client } from '@elastic/elasticsearch';
import { errors, type estypes } from '@elastic/elasticsearch';
import type { Entity } from '../entity.ts';
import { firstIndexOf } from '../topics.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import { DELETION_PROPERTIES, NOT_DELETED, servingAlias } from './deletion.ts';
import { decodeMeta, encodeMeta, type IndexMeta } from './meta.ts';
import { TEXT_ANALYSIS } from './text.ts';

export interface IndexOptions {
  readonly alias: string;
  readonly shards: number;
  readonly replicas: number;
  /** How long a deleted document's version stays known; longer than any replay, so that none resurrects it. */
  readonly gcDeletes: string;
  /** Time until a write shows in search. Set explicitly: an index without a setting stops refreshing when not searched. */
  readonly refreshInterval: string;
}

/** Settings of a new index. */
export const indexSettings = (options: Omit<IndexOptions, 'alias'>): estypes.IndicesIndexSettings => ({
  number_of_shards: options.shards,
  number_of_replicas: options.replicas,
  gc_deletes: options.gcDeletes,
  refresh_interval: options.refreshInterval,
  analysis: TEXT_ANALYSIS,
});

/** Mapping of a new index, which says whose it is and what it knows. */
export const indexMapping = (
  { mapping, schemaVersion }: Pick<Entity, 'mapping' | 'schemaVersion'>,
  meta: IndexMeta = {},
): estypes.MappingTypeMapping => ({
  ...mapping,
  properties: { ...mapping.properties, ...DELETION_PROPERTIES },
  _meta: encodeMeta({ ...meta, schemaVersion }),
});

/**
 * Lets an index of a version before deletion markers take them. Harmless where they are known.
 * @throws what the client throws when Elasticsearch does not answer or refuses
 */
export const addDeletions = async (client: Client, index: string): Promise<void> => {
  await client.indices.putMapping({ index, properties: DELETION_PROPERTIES });
};

/**
 * Creates the first index and its alias unless the alias is there. Safe to run from several processes at once.
 * @returns whether this call created it.
 * @throws what the client throws when Elasticsearch does not answer or refuses.
 */
export const ensureIndex = async (
  client: Client,
  entity: Pick<Entity, 'mapping' | 'schemaVersion'>,
  options: IndexOptions,
): Promise<boolean> => {
  if (await client.indices.existsAlias({ name: options.alias })) return false;
  try {
    await client.indices.create({
      index: firstIndexOf(options.alias),
      aliases: { [options.alias]: { is_write_index: true, filter: NOT_DELETED } },
      settings: { index: indexSettings(options) },
      mappings: indexMapping(entity),
    });
    return true;
  } catch (error) {
    if (error instanceof errors.ResponseError && isAlreadyThere(error)) return false;
    throw error;
  }
};

const isAlreadyThere = (error: errors.ResponseError): boolean =>
  error.message.includes('resource_already_exists_exception');

export interface IndexMigration {
  /** Whether this call created the first index. */
  readonly created: boolean;
  /** What only a reindex can bring up to date; until then searches find what they found before. */
  readonly pendingReindex: readonly string[];
}

type Described = Pick<Entity, 'name' | 'mapping' | 'schemaVersion'>;

/**
 * Creates the index, or adds to its mapping what this version needs, before any event can carry it. Safe to run from
 * several processes at once, and harmless after a rollback: a mapping that is newer stays as it is.
 * @throws TaskstreamError `invalid_configuration` when documents of this version could never go into the index
 */
export const migrateIndex = async (
  client: Client,
  entity: Described,
  options: IndexOptions,
): Promise<IndexMigration> => {
  if (await ensureIndex(client, entity, options)) return { created: true, pendingReindex: [] };
  const pending = new Set<string>();
  await hideDeletions(client, options.alias);
  for (const [index, { mappings }] of Object.entries(await client.indices.getMapping({ index: options.alias }))) {
    const meta = decodeMeta(mappings._meta) ?? {};
    await addDeletions(client, index);
    if ((meta.schemaVersion ?? 0) > entity.schemaVersion) continue;
    const found = await addProperties(client, index, entity, mappings.properties ?? {});
    await client.indices.putMapping({
      index,
      _meta: encodeMeta({ ...meta, schemaVersion: entity.schemaVersion, pendingReindex: found }),
    });
    for (const difference of found) pending.add(difference);
  }
  return { created: false, pendingReindex: [...pending] };
};

/**
 * Gives an alias of a version before deletion markers its filter. It stays the write index of whichever index it was; one
 * that a reindex moves meanwhile is not put back, as nothing is done then.
 */
const hideDeletions = async (client: Client, alias: string): Promise<void> => {
  const found = Object.entries(await client.indices.getAlias({ name: alias }));
  const actions = found
    .filter(([, { aliases }]) => aliases[alias]?.filter === undefined)
    .flatMap(([index, { aliases }]) => [
      { remove: { index, alias, must_exist: true } },
      {
        add: {
          ...servingAlias(index, alias),
          is_write_index: found.length === 1 || aliases[alias]?.is_write_index === true,
        },
      },
    ]);
  if (actions.length > 0) await client.indices.updateAliases({ actions });
};

/** @returns what the index keeps as it was, in words */
const addProperties = async (
  client: Client,
  index: string,
  { name: entityName, mapping }: Described,
  current: Readonly<Record<string, estypes.MappingProperty>>,
): Promise<string[]> => {
  const wanted = mapping.properties ?? {};
  const put = (properties: Record<string, estypes.MappingProperty>) => client.indices.putMapping({ index, properties });
  const pending: string[] = [];
  for (const [name, property] of Object.entries(wanted)) {
    const before = current[name];
    if (before !== undefined && isObject(before) !== isObject(property)) {
      throw new TaskstreamError(
        'invalid_configuration',
        `The field ${name} of the ${entityName} is ${isObject(before) ? 'an object' : 'a value'} in ${index} and ` +
          `${isObject(property) ? 'an object' : 'a value'} in this version: no document fits both. Give it another name.`,
      );
    }
    try {
      await put({ [name]: property });
    } catch (error) {
      if (!(error instanceof errors.ResponseError) || error.statusCode !== 400) throw error;
      pending.push(`${name}: ${error.message}`);
      // A field that is new and cannot be as it should, such as for want of an analyser, must at least take documents.
      if (before === undefined) await put({ [name]: { type: typeOf(property) } as estypes.MappingProperty });
    }
  }
  return pending;
};

const typeOf = (property: estypes.MappingProperty): string => property.type ?? 'object';
const isObject = (property: estypes.MappingProperty): boolean => ['object', 'nested'].includes(typeOf(property));
