/**
 * `Idempotency-Key`: any visible text, or the quoted string of the IETF draft; both spell the same key. `Keep-Idempotency-Key: true`
 * asks that it be known for ever.
 */
import type { Context } from 'hono';
import { TaskstreamError } from '../errors.ts';

const PLAIN = /^[!-~]{1,255}$/;
/** A string of RFC 9651, section 3.3.3, of the same length; only in quotes may a key have spaces. */
const QUOTED = /^"(?:[ !#-[\]-~]|\\["\\]){1,255}"$/;

/** What the OpenAPI document says of the header. */
export const IDEMPOTENCY_KEY_PATTERN = `${PLAIN.source}|${QUOTED.source}`;

/**
 * The key that a header names, without quotes.
 * @throws TaskstreamError `validation_failed` for what is no key
 */
export const idempotencyKeyOf = (header: string): string => {
  if (QUOTED.test(header)) return header.slice(1, -1).replaceAll(/\\(.)/g, '$1');
  if (PLAIN.test(header)) return header;
  throw refused('Idempotency-Key', 'must be 1 to 255 visible ASCII characters, or such text in quotes');
};

export interface SentKey {
  readonly key: string;
  /** As the header had it. */
  readonly header: string;
  readonly isKept: boolean;
}

/** @throws TaskstreamError `validation_failed` for what is no key, and for one that is to be kept and is not there */
export const sentKey = (c: Context): SentKey | undefined => {
  const header = c.req.header('idempotency-key');
  const keep = c.req.header('keep-idempotency-key');
  if (keep !== undefined && keep !== 'true') throw refused('Keep-Idempotency-Key', 'must be true, or not there');
  if (header !== undefined) return { key: idempotencyKeyOf(header), header, isKept: keep !== undefined };
  if (keep !== undefined) throw refused('Keep-Idempotency-Key', 'needs an Idempotency-Key');
  return undefined;
};

export const refused = (header: string, message: string): TaskstreamError =>
  new TaskstreamError('validation_failed', `${header} ${message}.`, {
    details: [{ path: `header.${header}`, message }],
  });
