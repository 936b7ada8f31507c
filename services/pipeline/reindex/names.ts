/** The numbered indices behind an alias. */
import { indexNameOf } from '../topics.ts';

/** The number in the name of an index of `alias`; nothing for an index of another kind. */
export const numberOf = (alias: string, index: string): number | undefined => {
  const digits = index.startsWith(`${alias}-`) ? index.slice(alias.length + 1) : '';
  return /^\d{6,}$/.test(digits) ? Number(digits) : undefined;
};

/** A name above all that exist, so that no index ever takes the name of an older one. */
export const nextIndexOf = (alias: string, existing: readonly string[]): string =>
  indexNameOf(alias, Math.max(0, ...existing.map((index) => numberOf(alias, index) ?? 0)) + 1);

/**
 * The alias by which an index is filled before it serves. Writes ask for an alias: one that comes late, after the index
 * was deleted, is refused, where the bare name would make an index anew with a guessed mapping.
 */
export const fillingAliasOf = (index: string): string => `${index}-filling`;
