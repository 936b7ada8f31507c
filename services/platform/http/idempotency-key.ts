/**
 * `Idempotency-Key`: any visible text, or the quoted string of the IETF draft; both spell the same key. `Keep-Idempotency-Key`
 * asks that it be known for ever: `true` by its first request, and `latest` by this one. `Idempotency-State` is a part of what is compared.
 */
import type { Context } from 'hono';
import { TaskstreamError } from '../errors.ts';

const PLAIN = /^[!-~]{1,255}$/;
/** A string of RFC 9651, section 3.3.3, of the same length; only in quotes may a key have spaces. */
const QUOTED = /^"(?:[ !#-[\]-~]|\\["\\]){1,255}"$/;

/** What the OpenAPI document says of the headers. */
export const IDEMPOTENCY_STATE_PATTERN = PLAIN.source;
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
  /** As the header had it; none has that of an operation of a batch. */
  readonly header?: string | undefined;
  readonly isKept: boolean;
  /** Whether the key answers to this request from now on, and to no earlier one. */
  readonly isLatest: boolean;
  /** What the client says beside the body. */
  readonly state?: string | undefined;
}

const KEEP = ['true', 'latest'];

/** @throws TaskstreamError `validation_failed` for what is no key, and for one that is to be kept and is not there */
export const sentKey = (c: Context): SentKey | undefined => {
  const header = c.req.header('idempotency-key');
  const keep = c.req.header('keep-idempotency-key');
  const state = c.req.header('idempotency-state');
  if (keep !== undefined && !KEEP.includes(keep)) {
    throw refused('Keep-Idempotency-Key', 'must be true or latest, or not there');
  }
  if (state !== undefined && !PLAIN.test(state)) {
    throw refused('Idempotency-State', 'must be 1 to 255 visible ASCII characters');
  }
  if (header !== undefined) {
    return {
      key: idempotencyKeyOf(header),
      header,
      isKept: keep !== undefined,
      isLatest: keep === 'latest',
      state,
    };
  }
  if (keep !== undefined) throw refused('Keep-Idempotency-Key', 'needs an Idempotency-Key');
  if (state !== undefined) throw refused('Idempotency-State', 'needs an Idempotency-Key');
  return undefined;
};

export const refused = (header: string, message: string): TaskstreamError =>
  new TaskstreamError('validation_failed', `${header} ${message}.`, {
    details: [{ path: `header.${header}`, message }],
  });
