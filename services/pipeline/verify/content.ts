/** What rows and documents of equal versions say. Versions repeat after a restore from a backup, with another content. */
import { isDeepStrictEqual } from 'node:util';
import type { Entity } from '../entity.ts';
import type { DocumentReader } from '../index/documents.ts';
import type { RowReader } from '../rows.ts';

/** The index writes it as the event came; a document of an older schema is as good as one of now. */
const SCHEMA_VERSION = 'schemaVersion';

/**
 * Whether a document says what its row says, field by field. The row's JSON has every field that any version knows; one
 * that a document of an older schema lacks has its initial value. A document of this schema lacks none: a search for the value
 * would not find it.
 */
export const hasSameContent = (
  row: Readonly<Record<string, unknown>>,
  document: Readonly<Record<string, unknown>>,
  { initials = {}, schemaVersion }: Pick<Entity, 'initials' | 'schemaVersion'>,
): boolean => {
  const isOlder = Number(document[SCHEMA_VERSION] ?? 0) < schemaVersion;
  const valueOf = (name: string): unknown => document[name] ?? (isOlder ? initials[name] : undefined) ?? null;
  return Object.entries(row).every(
    ([name, value]) => name === SCHEMA_VERSION || isDeepStrictEqual(valueOf(name), value ?? null),
  );
};

/**
 * Reads these rows and documents once more, whole; those whose versions differ by now are left to the comparison of versions.
 * @returns the version of each whose content differs
 */
export const differingContents = async (
  entity: Pick<Entity, 'initials' | 'schemaVersion'>,
  { rows, documents }: { readonly rows: RowReader; readonly documents: DocumentReader },
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> => {
  const sources = await documents.sources(ids);
  const differing = new Map<string, number>();
  for (const { id, version, json } of await rows.rows(ids)) {
    const document = sources.get(id);
    if (document?.version !== version || document.deletedAt !== null) continue;
    const row = JSON.parse(json) as Record<string, unknown>;
    if (!hasSameContent(row, document.source, entity)) differing.set(id, version);
  }
  return differing;
};
