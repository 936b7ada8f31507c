/** What a schema found wrong, as the faults that answers, dead letters and import reports show. */
import type { z } from 'zod';
import type { ErrorDetail } from './errors.ts';

/** One fault for each issue; `prefix` goes before its path. */
export const detailsOf = (error: z.ZodError, prefix = ''): ErrorDetail[] =>
  error.issues.map((issue) => ({ path: prefix + issue.path.join('.'), message: issue.message }));

/** All faults in one line; `root` names the input as a whole, for a fault without a path. */
export const describeDetails = (details: readonly ErrorDetail[], root = ''): string =>
  details
    .map(({ path, message }) => ({ name: path === '' ? root : path, message }))
    .map(({ name, message }) => (name === '' ? message : `${name}: ${message}`))
    .join('; ');
