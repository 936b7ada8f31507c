/** The search index: its mapping, its settings, and its creation behind an alias. */
import type { Client } from '@elastic/elasticsearch';
import { errors, type estypes } from '@elastic/elasticsearch';
import { firstIndexOf } from '../../task/resources.ts';

/**
 * Mapping of a task document. `dynamic: strict` makes a field that nobody mapped an error with a name, where a guessed
 * mapping would be wrong in silence.
 */
export const taskMapping: estypes.MappingTypeMapping = {
  dynamic: 'strict',
  properties: {
    id: { type: 'keyword' },
    description: { type: 'text' },
    priority: { type: 'keyword' },
    dates: { properties: { start: { type: 'date' }, due: { type: 'date' } } },
    isDone: { type: 'boolean' },
    version: { type: 'long' },
    createdAt: { type: 'date' },
    updatedAt: { type: 'date' },
  },
};

export interface TaskIndexOptions {
  readonly alias: string;
  readonly shards: number;
  readonly replicas: number;
  /** How long a deleted document's version stays known; longer than any replay, so that none resurrects it. */
  readonly gcDeletes: string;
  /** Time until a write shows in search. Set explicitly: an index without a setting stops refreshing when not searched. */
  readonly refreshInterval: string;
}

/** Settings of a new index. */
export const taskIndexSettings = (options: TaskIndexOptions): estypes.IndicesIndexSettings => ({
  number_of_shards: options.shards,
  number_of_replicas: options.replicas,
  gc_deletes: options.gcDeletes,
  refresh_interval: options.refreshInterval,
});

/**
 * Creates the first index and its alias unless the alias is there. Safe to run from several processes at once.
 * @returns whether this call created it.
 * @throws what the client throws when Elasticsearch does not answer or refuses.
 */
export const ensureTaskIndex = async (client: Client, options: TaskIndexOptions): Promise<boolean> => {
  if (await client.indices.existsAlias({ name: options.alias })) return false;
  try {
    await client.indices.create({
      index: firstIndexOf(options.alias),
      aliases: { [options.alias]: { is_write_index: true } },
      settings: { index: taskIndexSettings(options) },
      mappings: taskMapping,
    });
    return true;
  } catch (error) {
    if (error instanceof errors.ResponseError && isAlreadyThere(error)) return false;
    throw error;
  }
};

const isAlreadyThere = (error: errors.ResponseError): boolean =>
  error.message.includes('resource_already_exists_exception');
