/** An OpenID provider that browsers log in at: authorization code with PKCE (RFC 6749, RFC 7636, OpenID Connect Core 1.0). */
import * as oidc from 'openid-client';
import { TaskstreamError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { discoverClient, isProviderAway, reasonOf } from './client.ts';

/** What a login began with, and what its answer is held against. */
export interface LoginChecks {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

export interface LoginAnswer {
  readonly accessToken: string;
  /** What the provider calls the person, for their own eyes. */
  readonly name: string | undefined;
}

export interface LoginProvider {
  /**
   * Where a browser logs in.
   * @param isAgain whether the person is asked who they are, even where the provider knows
   * @throws TaskstreamError `issuer_unavailable`
   */
  begin(redirectUri: string, checks: LoginChecks, isAgain: boolean): Promise<URL>;
  /**
   * Takes the code that the provider sent the browser back with to the provider.
   * @throws TaskstreamError `issuer_unavailable`, or `unauthenticated` with the reason in words
   */
  finish(answer: URL, checks: LoginChecks): Promise<LoginAnswer>;
  /** Where a browser logs out at the provider (OpenID Connect RP-Initiated Logout 1.0); nothing where it has no such place, or is away. */
  logoutUrl(returnUri: string): Promise<URL | undefined>;
}

export interface LoginProviderOptions {
  readonly issuer: string;
  readonly clientId: string;
  /** None for a public client. */
  readonly clientSecret: string | undefined;
  readonly scope: string;
  /** What else the provider wants to be told, such as `audience` or `resource`. */
  readonly parameters: URLSearchParams;
  readonly clockToleranceS: number;
  /** Whether it may be without TLS. */
  readonly isInsecure: boolean;
  readonly logger: Logger;
}

const TIMEOUT_S = 5;
/** How old its document may be. */
const MAX_AGE_MS = 3_600_000;
/** Shortest time from a question that was not answered to the next. */
const COOL_DOWN_MS = 5_000;

export const createLoginProvider = (options: LoginProviderOptions): LoginProvider => {
  const { issuer, logger } = options;
  let known: { readonly provider: oidc.Configuration; readonly at: number } | undefined;
  let finding: Promise<oidc.Configuration> | undefined;
  let failedAt = -Infinity;

  const discover = async (): Promise<oidc.Configuration> => {
    const provider = await discoverClient({ ...options, timeoutS: TIMEOUT_S });
    // Throws where nobody can log in, such as at an issuer for client credentials alone.
    oidc.buildAuthorizationUrl(provider, {});
    known = { provider, at: performance.now() };
    return provider;
  };

  /** @throws TaskstreamError `issuer_unavailable`; after a failure at once, for a while */
  const find = async (): Promise<oidc.Configuration> => {
    const now = performance.now();
    if (known !== undefined && now - known.at < MAX_AGE_MS) return known.provider;
    if (now - failedAt < COOL_DOWN_MS) return known?.provider ?? refuse();
    finding ??= discover().finally(() => {
      finding = undefined;
    });
    try {
      return await finding;
    } catch (error) {
      failedAt = performance.now();
      logger.warn(
        { reason: await reasonOf(error), issuer },
        'the OpenID provider cannot be asked where it is logged in at',
      );
      return known?.provider ?? refuse(error);
    }
  };

  return {
    begin: async (redirectUri, { state, nonce, verifier }, isAgain) => {
      const parameters = new URLSearchParams(options.parameters);
      const own = {
        ...{ redirect_uri: redirectUri, scope: options.scope, state, nonce },
        ...{ code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' },
        ...(isAgain ? { prompt: 'login' } : {}),
      };
      for (const [name, value] of Object.entries(own)) parameters.set(name, value);
      return oidc.buildAuthorizationUrl(await find(), parameters);
    },
    finish: async (answer, { state, nonce, verifier }) => {
      const provider = await find();
      try {
        const tokens = await oidc.authorizationCodeGrant(
          provider,
          answer,
          { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true },
          // RFC 8707, section 2.2; RFC 6749, section 3.2, has others ignored.
          options.parameters,
        );
        const claims = tokens.claims();
        const names: readonly unknown[] = [claims?.['preferred_username'], claims?.['email'], claims?.['name']];
        const isName = (each: unknown): each is string => typeof each === 'string' && each !== '';
        return { accessToken: tokens.access_token, name: names.find(isName) };
      } catch (error) {
        if (isProviderAway(error)) return refuse(error);
        // RFC 6749, section 5.2: how a client is refused that has sent its secret in the header.
        const isClientRefused = error instanceof oidc.WWWAuthenticateChallengeError;
        const reason = isClientRefused ? 'The provider refuses the client id or its secret.' : await reasonOf(error);
        logger.warn({ reason, issuer }, 'a login at the OpenID provider failed');
        throw new TaskstreamError('unauthenticated', reason, { cause: error });
      }
    },
    logoutUrl: async (returnUri) => {
      // As it was known: whoever logs out waits for nobody.
      const provider = known?.provider ?? (await find().catch(() => undefined));
      if (provider?.serverMetadata().end_session_endpoint === undefined) return undefined;
      try {
        return oidc.buildEndSessionUrl(provider, { post_logout_redirect_uri: returnUri });
      } catch (error) {
        logger.warn(
          { reason: await reasonOf(error), issuer },
          'the place of the OpenID provider to log out at is not usable',
        );
        return undefined;
      }
    },
  };
};

export const issuerUnavailable = (message: string, cause?: unknown): TaskstreamError =>
  new TaskstreamError('issuer_unavailable', message, {
    cause,
    retriable: true,
    retryAfterSeconds: COOL_DOWN_MS / 1_000,
  });

const refuse = (cause?: unknown): never => {
  throw issuerUnavailable('Nobody can log in now: the OpenID provider does not answer.', cause);
};
