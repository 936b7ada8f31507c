/** On whose behalf something is read, changed or created. */
export type Actor =
  | {
      /** Owner of what it creates. Its idempotency keys are its own. */
      readonly owner: string;
      readonly isAdmin: false;
    }
  | {
      /** The same; none where the API asks nobody who is calling. */
      readonly owner: string | undefined;
      /** It reads and changes what anybody owns, and may name an owner. */
      readonly isAdmin: true;
    };

/** Whoever calls, where nobody is asked who they are. */
export const ANYBODY: Actor = { owner: undefined, isAdmin: true };

/** Longest name of an owner, in characters: Unicode code points. RFC 7519 leaves it open; OpenID Connect Core, section 2, has 255 for `sub`. */
export const MAX_OWNER_LENGTH = 255;

const NAME = new RegExp(`^[^\\p{Cc}\\p{Cs}]{1,${MAX_OWNER_LENGTH}}$`, 'u');

/** Whether it can be stored, published and searched for: text without control characters. */
export const isOwnerName = (name: unknown): name is string => typeof name === 'string' && NAME.test(name);

/** The owner whose things are all that it sees and changes; nothing where it is bound to none. */
export const boundOf = (actor: Actor): string | undefined => (actor.isAdmin ? undefined : actor.owner);
