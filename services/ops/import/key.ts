/** Idempotency keys: the same line of the same source always gets the same key, however often it is imported. */
import { createHash } from 'node:crypto';

/**
 * Makes the keys of one import run.
 * A key is made of the source's name, the line's identity, and how often that identity came before: two equal lines are two
 * tasks, and lines added to a file later do not shift the keys of the others. A line with an id of its own is the same line
 * in every source.
 */
export const createKeyMaker = (source: string): ((identity: string) => string) => {
  const seen = new Map<string, number>();
  return (identity) => {
    const hash = createHash('sha256');
    if (isOwnId(identity)) return `import-${hash.update(identity).digest('base64url')}`;
    const digest = hash.update(source).update('\0').update(identity).digest('base64url');
    const occurrence = seen.get(digest) ?? 0;
    seen.set(digest, occurrence + 1);
    return `import-${digest}-${occurrence}`;
  };
};

const isOwnId = (identity: string): boolean => identity.startsWith('id:');
