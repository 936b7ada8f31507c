/**
 * Whether an index may give a document up: only an index whose mapping is ours, and not older than the document, can say
 * that a document can never be indexed. Any other rejection says something about the index, and waits.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Client, estypes } from '@elastic/elasticsearch';
import { ForeignAnswerError } from '../../platform/elasticsearch-answer.ts';
import { messageOf } from '../../platform/errors.ts';
import type { Entity, EntityNames } from '../entity.ts';
import { DELETED_AT } from './deletion.ts';
import { decodeMeta } from './meta.ts';
import type { EncodedOperation } from './operation.ts';

export interface Rejected extends Pick<EncodedOperation, 'kind' | 'schemaVersion'> {
  /** Whether the mapping lacks a field that came with the document. */
  readonly hasUnknownField: boolean;
}

/** Why the rejected operation must wait; nothing when its rejection is final. */
export type JudgeRejection = (operation: Rejected) => string | undefined;

/**
 * Reads the mapping behind the alias as it is now. It never throws: an index that cannot be asked lets all wait, and so does an
 * abort of the signal.
 */
export type MappingGate = (signal: AbortSignal) => Promise<JudgeRejection>;

export const createMappingGate =
  (client: Client, { name, alias, mapping }: Pick<Entity & EntityNames, 'name' | 'alias' | 'mapping'>): MappingGate =>
  async (signal) => {
    let known: number[];
    let takesDeletions: boolean;
    let pipelines: string[];
    let outdated: string[];
    try {
      const found = Object.values(await client.indices.get({ index: alias }, { signal }));
      // Elasticsearch has no alias without an index.
      if (found.length === 0) throw new ForeignAnswerError('a JSON object without an index');
      const metas = found.map(({ mappings }) => decodeMeta(mappings?._meta));
      known = metas.map((meta) => meta?.schemaVersion ?? 0);
      outdated = found.flatMap(({ mappings }, index) =>
        (metas[index]?.pendingReindex ?? [])
          .map(fieldOf)
          .filter((field) => !takesTheSame(mappings?.properties?.[field], mapping.properties?.[field])),
      );
      takesDeletions = found.every(({ mappings }) => mappings?.properties?.[DELETED_AT] !== undefined);
      pipelines = found.flatMap(({ settings }) => pipelinesOf(settings?.index));
    } catch (error) {
      const reason = `the mapping of ${alias} cannot be read: ${messageOf(error)}`;
      return () => reason;
    }
    const oldest = Math.min(...known);
    if (oldest === 0) {
      return () => `the mapping of ${alias} is not one of ours (it names no schema version): run ops migrate`;
    }
    return ({ kind, schemaVersion, hasUnknownField }) => {
      if (hasUnknownField && pipelines.length > 0) {
        return `${alias} sends documents through ${pipelines.join(' and ')}, and takes no field that the mapping lacks: a pipeline may not add any`;
      }
      if (kind === 'delete' && !takesDeletions) {
        return `${alias} has no field ${DELETED_AT}, and so takes no deletion: run ops migrate`;
      }
      if (kind === 'index' && outdated.length > 0) {
        return `${alias} keeps an older mapping of ${outdated.join(' and ')}: run ops reindex`;
      }
      return schemaVersion > oldest
        ? `${alias} knows schema ${oldest} of the ${name}, and an event has ${schemaVersion}: run ops migrate`
        : undefined;
    };
  };

/** Whether both mappings of a field take the same values: in how many ways these are looked at decides about none. */
const takesTheSame = (
  found: estypes.MappingProperty | undefined,
  wanted: estypes.MappingProperty | undefined,
): boolean => isDeepStrictEqual({ ...found, fields: undefined }, { ...wanted, fields: undefined });

/** Of a difference that only a reindex can bring up to date: see `IndexMeta`. */
const fieldOf = (difference: string): string => difference.split(':', 1).join();

/** Elasticsearch's name for none. */
const NO_PIPELINE = '_none';

/** Ingest pipelines that change a document between the request and the index, as an index template may set them. */
const pipelinesOf = ({ default_pipeline: first, final_pipeline: last }: estypes.IndicesIndexSettings = {}): string[] =>
  [first, last].flatMap((name) => (name === undefined || name === NO_PIPELINE ? [] : [name]));
