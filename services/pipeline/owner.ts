/**
 * Owners: an entity that says `isOwned` has the field below under the name `owner`, and the column `owner text` with an index
 * over owner and id. What nobody owns, such as rows of before, is there for administrators only, once callers are asked who they are.
 */
import { z } from '@hono/zod-openapi';
import { boundOf, isOwnerName, MAX_OWNER_LENGTH, type Actor } from '../platform/auth/actor.ts';
import { TaskstreamError } from '../platform/errors.ts';
import { describeDetails } from '../platform/validation.ts';
import type { Entity } from './entity.ts';
import { field, type FieldValues } from './field.ts';

/** The name of the column, and of the field. */
export const OWNER = 'owner';

const name = z
  .string()
  .refine(isOwnerName, { error: `must be 1 to ${MAX_OWNER_LENGTH} characters, and no control characters` })
  .openapi({ minLength: 1, maxLength: MAX_OWNER_LENGTH, pattern: String.raw`^[^\u0000-\u001f\u007f-\u009f]+$` });

const shown = z
  .string()
  .nullable()
  .openapi({ description: "Whose it is, as the caller's access token says; null: nobody's." });

export const ownerField = field<string | null, string, string | null>({
  input: name.nullable().openapi({ description: 'Administrators may name any; all others themselves.' }),
  initial: null,
  isLater: true,
  shown,
  columns: { [OWNER]: 'text' },
  toColumns: (value) => ({ [OWNER]: value ?? null }),
  mapping: { type: 'keyword' },
  condition: { schema: name, toClause: (value) => ({ filter: { term: { [OWNER]: value } } }) },
  csv: {
    columns: [OWNER],
    read: (cells) => cells[OWNER],
    write: (value) => ({ [OWNER]: value }),
  },
});

/** The owner whose rows of the entity are all that the actor reaches; nothing where it reaches all. */
export const boundIn = ({ isOwned }: { readonly isOwned?: boolean | undefined }, actor: Actor): string | undefined =>
  isOwned === true ? boundOf(actor) : undefined;

const REFUSED = { path: OWNER, message: 'must be yourself, or left out: only administrators may name another owner' };

/** @throws TaskstreamError `validation_failed` where `values` name an owner whom the actor may not name */
export const checkOwner = ({ isOwned }: Pick<Entity, 'isOwned'>, actor: Actor, values: FieldValues): void => {
  const named = values[OWNER];
  if (isOwned !== true || actor.isAdmin || named === undefined || named === actor.owner) return;
  throw new TaskstreamError('validation_failed', `${describeDetails([REFUSED])}.`, { details: [REFUSED] });
};

/** The values of a creation, with the actor as the owner where they name none. @throws as {@link checkOwner} */
export const withOwner = (entity: Pick<Entity, 'isOwned'>, actor: Actor, values: FieldValues): FieldValues => {
  if (entity.isOwned !== true) return values;
  const { [OWNER]: named, ...others } = values;
  if (named === undefined || named === null) return { ...others, [OWNER]: actor.owner };
  checkOwner(entity, actor, values);
  return values;
};
