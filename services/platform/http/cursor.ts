/** Opaque cursors: where a page ended, as text that clients hand back as it is. */
import { z } from 'zod';
import { TaskstreamError } from '../errors.ts';

/** Writes a cursor. */
export const encodeCursor = (position: unknown): string => Buffer.from(JSON.stringify(position)).toString('base64url');

/** Reads a cursor. @throws TaskstreamError `cursor_invalid` when it was not made by `encodeCursor` for this schema */
export const decodeCursor = <T>(cursor: string, schema: z.ZodType<T>): T => {
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch (error) {
    throw new TaskstreamError(
      'cursor_invalid',
      'Send the cursor as an earlier answer gave it, with the same query; begin anew without one if an update came between.',
      {
        cause: error,
      },
    );
  }
};
