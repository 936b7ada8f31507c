/** A client of an OpenID provider, as the provider's document describes it (OpenID Connect Discovery 1.0). */
import * as oidc from 'openid-client';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { shorten } from '../validation.ts';

export interface ClientOptions {
  readonly issuer: string;
  readonly clientId: string;
  /** None for a public client. */
  readonly clientSecret: string | undefined;
  /** Whether the provider may be without TLS. */
  readonly isInsecure: boolean;
  /** Longest wait for an answer of it, in seconds. */
  readonly timeoutS: number;
  readonly clockToleranceS?: number;
}

// eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so to stand out, as the settings do
const allowInsecure = oidc.allowInsecureRequests;

/** @throws what the library throws: {@link isProviderAway} says whether it may pass */
export const discoverClient = async (options: ClientOptions): Promise<oidc.Configuration> => {
  const { issuer, clientId, clientSecret, isInsecure, timeoutS, clockToleranceS = 0 } = options;
  const found = await oidc.discovery(new URL(issuer), clientId, undefined, oidc.None(), {
    timeout: timeoutS,
    execute: isInsecure ? [allowInsecure] : [],
  });
  const server = found.serverMetadata();
  const client = new oidc.Configuration(
    server,
    clientId,
    { [oidc.clockTolerance]: clockToleranceS },
    authenticationOf(clientSecret, server),
  );
  client.timeout = timeoutS;
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- as above
  if (isInsecure) allowInsecure(client);
  return client;
};

/** By the header where the provider takes that, which is the default: OpenID Connect Discovery 1.0, section 3. */
const authenticationOf = (secret: string | undefined, server: Readonly<oidc.ServerMetadata>): oidc.ClientAuth => {
  if (secret === undefined) return oidc.None();
  const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  return methods.includes('client_secret_basic') ? oidc.ClientSecretBasic(secret) : oidc.ClientSecretPost(secret);
};

const isBusy = (status: number): boolean => status >= 500 || status === 429;

/** Whether the provider did not answer, or not now. */
export const isProviderAway = (error: unknown): boolean => {
  if (error instanceof oidc.ResponseBodyError) return isBusy(error.status);
  if (error instanceof oidc.ClientError) {
    return error.code === 'OAUTH_TIMEOUT' || (error.cause instanceof Response && isBusy(error.cause.status));
  }
  // That of `fetch`, of no answer. Those of wrong arguments have a code.
  return error instanceof TypeError && !('code' in error);
};

/** RFC 6749, section 5.2. */
const refusalSchema = z.object({ error: z.string(), error_description: z.string().optional() });

/** Longest reason, in characters: some of it is the provider's, or of whoever wrote the address that a browser came back by. */
const MAX_REASON_LENGTH = 200;

/** Why a question to the provider failed, in words for people and logs: the provider's own where it gave some. It has no secret, code or token. */
export const reasonOf = async (error: unknown): Promise<string> =>
  // Some issuers repeat the token that they refuse.
  shorten((await wordsOf(error)).replaceAll(/\p{Cc}/gu, ' ').replaceAll(/eyJ[\w.-]*/g, '…'), MAX_REASON_LENGTH);

const wordsOf = async (error: unknown): Promise<string> => {
  const cause = error instanceof Error ? error.cause : undefined;
  if (error instanceof oidc.AuthorizationResponseError || error instanceof oidc.ResponseBodyError) {
    return refusalText(error);
  }
  const response = error instanceof oidc.WWWAuthenticateChallengeError ? error.response : cause;
  if (response instanceof Response) {
    const body = refusalSchema.safeParse(await response.json().catch(() => undefined));
    return body.success ? refusalText(body.data) : `${messageOf(error)} (HTTP ${response.status})`;
  }
  // The library says what it did, and its cause what was wrong. Neither is shown whole: they hold codes and tokens.
  return [...new Set([messageOf(error), cause instanceof Error ? messageOf(cause) : ''])].filter(Boolean).join(': ');
};

const refusalText = ({ error, error_description: description = '' }: z.infer<typeof refusalSchema>): string =>
  description === '' ? error : `${error} (${description})`;
