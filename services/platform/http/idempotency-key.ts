/** `Idempotency-Key`: any visible text, or the quoted string of the IETF draft; both spell the same key. */
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
  const message = 'must be 1 to 255 visible ASCII characters, or such text in quotes';
  throw new TaskstreamError('validation_failed', `Idempotency-Key ${message}.`, {
    details: [{ path: 'header.Idempotency-Key', message }],
  });
};
