/**
 * Whether an index may give a document up: only an index whose mapping is ours, and not older than the document, can say
 * that a document can never be indexed. Any other rejection says something about the index, and waits.
 */
import type { Client } from '@elastic/elasticsearch';
import { ForeignAnswerError } from '../../platform/elasticsearch-answer.ts';
import { messageOf } from '../../platform/errors.ts';
import type { Entity, EntityNames } from '../entity.ts';
import { DELETED_AT } from './deletion.ts';
import { decodeMeta } from './meta.ts';
import type { EncodedOperation } from './operation.ts';

/** Why the rejected operation must wait; nothing when its rejection is final. */
export type JudgeRejection = (operation: Pick<EncodedOperation, 'kind' | 'schemaVersion'>) => string | undefined;

/** Reads the mapping behind the alias as it is now. It never throws: an index that cannot be asked lets all wait. */
export type MappingGate = () => Promise<JudgeRejection>;

export const createMappingGate =
  (client: Client, { name, alias }: Pick<Entity & EntityNames, 'name' | 'alias'>): MappingGate =>
  async () => {
    let known: number[];
    let takesDeletions: boolean;
    try {
      const found = Object.values(await client.indices.getMapping({ index: alias }));
      // Elasticsearch has no alias without an index.
      if (found.length === 0) throw new ForeignAnswerError('a JSON object without an index');
      known = found.map(({ mappings }) => decodeMeta(mappings._meta)?.schemaVersion ?? 0);
      takesDeletions = found.every(({ mappings }) => mappings.properties?.[DELETED_AT] !== undefined);
    } catch (error) {
      const reason = `the mapping of ${alias} cannot be read: ${messageOf(error)}`;
      return () => reason;
    }
    const oldest = Math.min(...known);
    if (oldest === 0) {
      return () => `the mapping of ${alias} is not one of ours (it names no schema version): run ops migrate`;
    }
    return ({ kind, schemaVersion }) => {
      if (kind === 'delete' && !takesDeletions) {
        return `${alias} has no field ${DELETED_AT}, and so takes no deletion: run ops migrate`;
      }
      return schemaVersion > oldest
        ? `${alias} knows schema ${oldest} of the ${name}, and an event has ${schemaVersion}: run ops migrate`
        : undefined;
    };
  };
