/** Ids of what the pipeline carries. */
import { z } from 'zod';

/**
 * An id in its one spelling, PostgreSQL's: 32 hexadecimal digits in lower case. Any value of them is one, as a column of type
 * `uuid` takes more than the versions of RFC 9562.
 */
export const idSchema = z
  .guid({ error: 'must be a UUID' })
  .refine((id) => id === id.toLowerCase(), { error: 'must be in lower case' })
  .meta({ format: 'uuid' });

/** Bytes of an id. */
export const ID_BYTES = 16;

/** @param id as `idSchema` takes it */
export const bytesOfId = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex');

/** @param bytes {@link ID_BYTES} of them, from `at` on */
export const idOfBytes = (bytes: Buffer, at: number): string =>
  bytes.toString('hex', at, at + ID_BYTES).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** Below every UUID: where a walk in order of ids begins. */
export const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';
