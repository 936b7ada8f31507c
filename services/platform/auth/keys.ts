/** The keys of an issuer: fetched when they are first needed, kept while it is away, and asked for again by and by. */
import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { messageOf, TaskstreamError } from '../errors.ts';
import type { Logger } from '../logger.ts';

export interface IssuerKeys {
  /** @throws TaskstreamError `issuer_unavailable` while there are none, or jose's error for a token of no key */
  readonly get: JWTVerifyGetKey;
  /** Another value whenever other keys were fetched. */
  readonly generation: () => number;
}

export interface IssuerKeysOptions {
  readonly issuer: string;
  /** Where the keys are; the issuer's document says it when not given. */
  readonly jwksUrl: string | undefined;
  /** Whether both may be without TLS. */
  readonly isInsecure: boolean;
  readonly logger: Logger;
}

/** How old keys may be before they are asked for again. */
const MAX_AGE_MS = 300_000;
/** Shortest time from an answer to a question for a key that is not known, and from one that was not answered. */
const COOL_DOWN_MS = 10_000;
/** How long the questions of those that verify tokens may be apart while they go on: tokens are remembered for a minute. */
const SLACK_MS = 120_000;
const TIMEOUT_MS = 5_000;
const RETRY_AFTER_SECONDS = COOL_DOWN_MS / 1_000;

/** Source: OpenID Connect Discovery 1.0, section 4. */
export const discoveryUrl = (issuer: string): string => `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;

const documentSchema = z.object({ issuer: z.string(), jwks_uri: z.url() });

export const createIssuerKeys = ({ issuer, jwksUrl, isInsecure, logger }: IssuerKeysOptions): IssuerKeys => {
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined;
  let finding: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined;
  let known: string | undefined;
  let generation = 0;
  let fetchedAt = -Infinity;
  let failedAt = -Infinity;

  // Not by `discoverClient`: that is of a client, which the API is not, and its library takes an issuer that is spelled otherwise.
  const discover = async (): Promise<string> => {
    const address = discoveryUrl(issuer);
    const answer = await fetch(address, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
    if (!answer.ok) throw new Error(`${address} answers ${answer.status}`);
    const { issuer: named, jwks_uri: found } = documentSchema.parse(await answer.json());
    // OpenID Connect Discovery 1.0, section 4.3.
    if (named !== issuer) throw new Error(`${address} is of the issuer ${named}`);
    // Whoever is in between could hand out keys of their own.
    if (!isInsecure && !found.startsWith('https:')) throw new Error(`its keys are at ${found}, without TLS`);
    return found;
  };

  /** Takes note of keys that were fetched. */
  const note = (): void => {
    fetchedAt = performance.now();
    const found = JSON.stringify(keys?.jwks());
    if (found !== known) generation += 1;
    known = found;
  };

  const find = async (): Promise<ReturnType<typeof createRemoteJWKSet>> => {
    const created = createRemoteJWKSet(new URL(jwksUrl ?? (await discover())), {
      // When to ask is decided here, by a clock that nobody sets: keys in hand go on while the issuer is away.
      cacheMaxAge: Infinity,
      cooldownDuration: Infinity,
      timeoutDuration: TIMEOUT_MS,
    });
    await created.reload();
    keys = created;
    note();
    return created;
  };

  /** @throws TaskstreamError `issuer_unavailable`; after a failure at once, for a while */
  const first = async (): Promise<ReturnType<typeof createRemoteJWKSet>> => {
    if (performance.now() - failedAt < COOL_DOWN_MS) throw unavailable();
    finding ??= find().finally(() => {
      finding = undefined;
    });
    return finding.catch((error: unknown) => {
      failedAt = performance.now();
      logger.error(
        { reason: messageOf(error), issuer },
        'the keys of the issuer cannot be fetched: no token can be judged',
      );
      throw unavailable(error);
    });
  };

  const mayAsk = (ageMs: number): boolean => {
    const now = performance.now();
    return now - fetchedAt >= ageMs && now - failedAt >= COOL_DOWN_MS;
  };

  const reload = (set: ReturnType<typeof createRemoteJWKSet>): Promise<void> =>
    set.reload().then(note, (error: unknown) => {
      failedAt = performance.now();
      logger.warn(
        { reason: messageOf(error), issuer },
        'the keys of the issuer cannot be renewed: those in hand go on',
      );
      throw error;
    });

  let renewing: Promise<void> | undefined;
  /** Renews them, once for all who ask meanwhile; a failure leaves those in hand. */
  const renewed = (set: ReturnType<typeof createRemoteJWKSet>): Promise<void> => {
    renewing ??= reload(set)
      .catch(() => undefined)
      .finally(() => {
        renewing = undefined;
      });
    return renewing;
  };

  return {
    generation: () => generation,
    get: async (header, token) => {
      const set = keys ?? (await first());
      // Beside the requests, but after a time without any: a key may have been withdrawn long ago.
      const isForgotten = mayAsk(MAX_AGE_MS + SLACK_MS) && performance.now() - failedAt > MAX_AGE_MS;
      const renewal = mayAsk(MAX_AGE_MS) ? renewed(set) : undefined;
      if (isForgotten) await renewal;
      try {
        return await set(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey) || !mayAsk(COOL_DOWN_MS)) throw error;
        await reload(set).catch((cause: unknown) => {
          throw unavailable(cause);
        });
        return set(header, token);
      }
    },
  };
};

const unavailable = (cause?: unknown): TaskstreamError =>
  new TaskstreamError('issuer_unavailable', 'Nobody can be identified now: the issuer of tokens does not answer.', {
    cause,
    retriable: true,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
