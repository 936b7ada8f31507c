/** Access tokens for a program that calls an API in its own name: the client credentials grant (RFC 6749, section 4.4). */
import {
  clientCredentialsGrant,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
  type Configuration,
} from 'openid-client';
import { messageOf, TaskstreamError } from '../errors.ts';
import { discoverClient, isProviderAway, reasonOf } from './client.ts';

export interface AccessTokens {
  /** Whose they are, for messages. */
  readonly origin: string;
  /** @throws TaskstreamError `issuer_unavailable`, which is retriable, or `unauthenticated` */
  get(): Promise<string>;
  /**
   * Another token than one that an API refused; the same where there is no other.
   * @throws TaskstreamError as {@link get}
   */
  renew(refused: string): Promise<string>;
}

export interface ClientCredentials {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Beside the grant in each request for a token, such as `scope`, `audience` or `resource`. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Whether the issuer may be asked by HTTP without TLS. */
  readonly isInsecure: boolean;
}

const TIMEOUT_SECONDS = 10;
/** The part of its lifetime that a token is used for: it must last until it has arrived. */
const USED_PART = 0.9;

interface Held {
  readonly token: string;
  readonly renewAt: number;
}

/** Nothing is asked before the first token is wanted. A token is kept until shortly before its end, and in memory only. */
export const createClientTokens = (credentials: ClientCredentials): AccessTokens => {
  const { issuer, clientId, parameters } = credentials;
  let configuration: Configuration | undefined;
  let held: Held | undefined;
  let fetching: Promise<Held> | undefined;

  const fetchToken = async (): Promise<Held> => {
    try {
      configuration ??= await findTokenEndpoint(credentials);
      const askedAt = performance.now();
      const answer = await clientCredentialsGrant(configuration, parameters);
      // Without an end it is used until it is refused.
      const lifetimeMs = (answer.expires_in ?? Infinity) * 1_000;
      return { token: answer.access_token, renewAt: askedAt + lifetimeMs * USED_PART };
    } catch (error) {
      throw await failureOf(error, issuer, clientId);
    }
  };

  /** One request for all who ask meanwhile. */
  const renewed = async (): Promise<string> => {
    fetching ??= fetchToken().finally(() => {
      fetching = undefined;
    });
    held = await fetching;
    return held.token;
  };

  return {
    origin: `client ${clientId} of ${issuer}`,
    get: async () => (held !== undefined && performance.now() < held.renewAt ? held.token : renewed()),
    renew: async (refused) => (held !== undefined && held.token !== refused ? held.token : renewed()),
  };
};

const findTokenEndpoint = async (credentials: ClientCredentials): Promise<Configuration> => {
  const found = await discoverClient({ ...credentials, timeoutS: TIMEOUT_SECONDS });
  if (found.serverMetadata().token_endpoint !== undefined) return found;
  throw new TaskstreamError(
    'unauthenticated',
    `The issuer ${credentials.issuer} names no token endpoint: it gives no tokens.`,
  );
};

/** None of its messages has what was sent: the secret stays out of them. */
const failureOf = async (error: unknown, issuer: string, clientId: string): Promise<TaskstreamError> => {
  if (error instanceof TaskstreamError) return error;
  const status = statusOf(error);
  if (isProviderAway(error)) {
    const reason = status === undefined ? messageOf(causeOf(error) ?? error) : `HTTP ${status}`;
    return new TaskstreamError('issuer_unavailable', `The issuer ${issuer} gives no token now (${reason}).`, {
      cause: error,
      retriable: true,
    });
  }
  const what = status === undefined ? `answers nothing that can be used` : `refuses the client ${clientId}`;
  return new TaskstreamError('unauthenticated', `The issuer ${issuer} ${what}: ${await reasonOf(error)}`, {
    cause: error,
  });
};

const causeOf = (error: unknown): unknown => (error instanceof Error ? error.cause : undefined);

const statusOf = (error: unknown): number | undefined => {
  if (error instanceof ResponseBodyError || error instanceof WWWAuthenticateChallengeError) return error.status;
  const cause = causeOf(error);
  return cause instanceof Response ? cause.status : undefined;
};
