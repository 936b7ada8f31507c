/** Access tokens: JWTs that the issuer signed (RFC 9068, RFC 7519). */
import { errors, jwtVerify, type JWTPayload } from 'jose';
import { isOwnerName } from './actor.ts';
import { TaskstreamError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { AuthConfig } from './env.ts';
import { createIssuerKeys } from './keys.ts';
import { createMemory } from './memory.ts';

/** Who is calling, as a token that was verified says. */
export interface Caller {
  readonly subject: string;
  /** What its claim of owners says: the subject itself, or such as a tenant. */
  readonly owner: string;
  readonly scopes: ReadonlySet<string>;
}

export interface TokenVerifier {
  /** @throws TaskstreamError `unauthenticated` or `issuer_unavailable` */
  verify(token: string): Promise<Caller>;
  /** The caller of a token that was verified a moment ago. */
  remembered(token: string): Caller | undefined;
}

/** Longer than any access token; the server's headers end at 16 KiB. */
const MAX_LENGTH = 12_000;

type Config = Pick<
  AuthConfig,
  | 'AUTH_ISSUER'
  | 'AUTH_AUDIENCE'
  | 'AUTH_JWKS_URL'
  | 'AUTH_ALGORITHMS'
  | 'AUTH_CLOCK_TOLERANCE_S'
  | 'AUTH_OWNER_CLAIM'
  | 'AUTH_INSECURE_ISSUER'
>;

export const createTokenVerifier = (config: Config, logger: Logger): TokenVerifier => {
  const { AUTH_ISSUER: issuer = '', AUTH_AUDIENCE: audience = '' } = config;
  const keys = createIssuerKeys({
    ...{ issuer, jwksUrl: config.AUTH_JWKS_URL },
    isInsecure: config.AUTH_INSECURE_ISSUER,
    logger,
  });
  const options = {
    ...{ issuer, audience, algorithms: config.AUTH_ALGORITHMS, clockTolerance: config.AUTH_CLOCK_TOLERANCE_S },
    requiredClaims: ['sub', 'exp'],
  };
  const memory = createMemory<{ readonly caller: Caller; readonly generation: number }>();
  const recall = (token: string): Caller | undefined => {
    const known = memory.recall(token);
    return known?.generation === keys.generation() ? known.caller : undefined;
  };

  return {
    remembered: (token) => (token.length > MAX_LENGTH ? undefined : recall(token)),
    verify: async (token) => {
      if (token.length > MAX_LENGTH) throw unauthenticated('The access token is too long.');
      const known = recall(token);
      if (known !== undefined) return known;
      // Of the keys before: those of a renewal meanwhile have not judged it.
      const generation = keys.generation();
      const payload = await jwtVerify(token, keys.get, options).then(
        (verified) => verified.payload,
        (error: unknown) => {
          // A key of the issuer that nobody can use fails in its own words, by whoever names it.
          throw error instanceof TaskstreamError ? error : unauthenticated(reasonOf(error), error);
        },
      );
      const caller = callerOf(payload, config.AUTH_OWNER_CLAIM);
      memory.keep(token, { caller, generation }, Number(payload.exp));
      return caller;
    },
  };
};

/** `scope` is RFC 9068's, `scp` Entra's and Okta's. */
const callerOf = (payload: JWTPayload, ownerClaim: string): Caller => {
  const { sub, scope, scp, [ownerClaim]: owner } = payload;
  // It names whoever a limit or a log is about, and may be anything that JSON has.
  if (!isOwnerName(sub)) throw unauthenticated('The access token is not valid here: sub.');
  if (!isOwnerName(owner)) throw unauthenticated(`The access token is not valid here: ${ownerClaim}.`);
  return { subject: sub, owner, scopes: new Set([...wordsIn(scope), ...wordsIn(scp)]) };
};

const wordsIn = (claim: unknown): string[] => {
  const values: unknown[] = Array.isArray(claim) ? claim : [claim];
  return values.flatMap((value) => (typeof value === 'string' ? value.split(' ').filter((word) => word !== '') : []));
};

/** What a client may know. The library's own messages say no more, and are not for people. */
const reasonOf = (error: unknown): string => {
  if (error instanceof errors.JWTExpired) return 'The access token has expired.';
  if (error instanceof errors.JWTClaimValidationFailed) return `The access token is not valid here: ${error.claim}.`;
  if (error instanceof errors.JWKSNoMatchingKey) return 'The access token is signed with no key of the issuer.';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'The access token is signed in a way that is not taken.';
  return 'The access token is not valid.';
};

export const unauthenticated = (message: string, cause?: unknown): TaskstreamError =>
  new TaskstreamError('unauthenticated', message, { cause });
