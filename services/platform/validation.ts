/** What a schema found wrong, as the faults that answers, dead letters and import reports show. */
import type { z } from 'zod';
import type { ErrorDetail } from './errors.ts';

/** One fault for each issue; its path begins with `root`, the part of the input that was parsed, if that has a name. */
export const detailsOf = (error: z.ZodError, root?: string): ErrorDetail[] =>
  error.issues.map(({ path, message }) => ({
    path: [...(root === undefined ? [] : [root]), ...path].join('.'),
    message,
  }));

/** All faults in one line; `root` names the input as a whole, for a fault without a path. */
export const describeDetails = (details: readonly ErrorDetail[], root = ''): string =>
  details
    .map(({ path, message }) => ({ name: path === '' ? root : path, message }))
    .map(({ name, message }) => (name === '' ? message : `${name}: ${message}`))
    .join('; ');
