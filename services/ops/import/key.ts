/** Idempotency keys: the same line of the same source always gets the same key, however often it is imported. */
import { createHash } from 'node:crypto';

/**
 * Makes the keys of one import run.
 * A key is made of the source's name, the line's text, and how often that text came before: two equal lines are two
 * tasks, and lines added to a file later do not shift the keys of the others.
 */
export const createKeyMaker = (source: string): ((raw: string) => string) => {
  const seen = new Map<string, number>();
  return (raw) => {
    const digest = createHash('sha256').update(source).update('\0').update(raw).digest('base64url');
    const occurrence = seen.get(digest) ?? 0;
    seen.set(digest, occurrence + 1);
    return `import-${digest}-${occurrence}`;
  };
};
