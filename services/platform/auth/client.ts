/** A client of an OpenID provider, as the provider's document describes it (OpenID Connect Discovery 1.0). */
import * as oidc from 'openid-client';

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
