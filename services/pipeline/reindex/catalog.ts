/** Which indices there are for an alias, and which of them serves. */
import type { Client, estypes } from '@elastic/elasticsearch';
import { TaskstreamError } from '../../platform/errors.ts';
import { decodeMeta, type IndexMeta } from '../index/meta.ts';
import { numberOf } from './names.ts';

export interface CatalogEntry {
  readonly name: string;
  readonly isLive: boolean;
  readonly isWriteBlocked: boolean;
  /** Elasticsearch itself takes no writes to it, as a disk is nearly full. */
  readonly isDiskFull: boolean;
  readonly meta: IndexMeta | undefined;
}

export interface Catalog {
  /** The index behind the alias. */
  readonly live: CatalogEntry;
  /** All of them, oldest first. */
  readonly indices: readonly CatalogEntry[];
}

/** @throws TaskstreamError `precondition_failed` when not exactly one index is behind the alias */
export const readCatalog = async (client: Client, alias: string): Promise<Catalog> => {
  const found = await client.indices.get({
    index: [alias, `${alias}-*`],
    // An alias that is not there yet is told below, in words of ours.
    ignore_unavailable: true,
    allow_no_indices: true,
  });
  const indices = Object.entries(found)
    .map(([name, state]) => toEntry(name, state, alias))
    .filter(({ name, isLive }) => isLive || numberOf(alias, name) !== undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const [live, ...others] = indices.filter(({ isLive }) => isLive);
  if (live === undefined) {
    const names = indices.map(({ name }) => name).join(', ');
    throw new TaskstreamError(
      'precondition_failed',
      `There is no alias ${alias}` +
        (names === ''
          ? ': run ops migrate, which creates the first index, or correct the alias in the settings.'
          : `, but ${names}: give the alias back to the one that served (docs/runbooks/search-breaker-open.md).`),
    );
  }
  if (others.length > 0) {
    const names = [live, ...others].map(({ name }) => name).join(', ');
    throw new TaskstreamError(
      'precondition_failed',
      `The alias ${alias} points to several indices (${names}): remove it from all but one first.`,
    );
  }
  return { live, indices };
};

const toEntry = (name: string, state: estypes.IndicesIndexState, alias: string): CatalogEntry => ({
  name,
  isLive: state.aliases !== undefined && alias in state.aliases,
  // Elasticsearch answers with text, whatever was set.
  isWriteBlocked: String(state.settings?.index?.blocks?.write) === 'true',
  isDiskFull: String(state.settings?.index?.blocks?.read_only_allow_delete) === 'true',
  meta: decodeMeta(state.mappings?._meta),
});
