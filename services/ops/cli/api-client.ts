/** How the HTTP API is asked, and with whose tokens. */
import { createClientTokens, type AccessTokens } from '../../platform/auth/client-credentials.ts';
import type { ApiOptions } from '../../task/api.ts';
import { readClientConfig } from '../env.ts';
import type { ApiFlags } from './api-options.ts';

/** @throws TaskstreamError `invalid_configuration` for a client that is given in part */
export const apiOptionsOf = ({ url, token }: ApiFlags): ApiOptions => ({
  baseUrl: url,
  tokens: token === undefined || token === '' ? clientTokens(process.env) : fixedToken(token),
  timeoutMs: 30_000,
  maxAttempts: 8,
});

const fixedToken = (token: string): AccessTokens => ({
  origin: 'the token of --token or TASKSTREAM_TOKEN',
  get: () => Promise.resolve(token),
  renew: () => Promise.resolve(token),
});

const clientTokens = (env: NodeJS.ProcessEnv): AccessTokens | undefined => {
  const config = readClientConfig(env);
  const { TASKSTREAM_ISSUER: issuer, TASKSTREAM_CLIENT_ID: clientId, TASKSTREAM_CLIENT_SECRET: clientSecret } = config;
  if (issuer === undefined || clientId === undefined || clientSecret === undefined) return undefined;
  const asked = {
    scope: config.TASKSTREAM_SCOPE,
    audience: config.TASKSTREAM_AUDIENCE,
    resource: config.TASKSTREAM_RESOURCE,
  };
  const parameters = Object.fromEntries(
    Object.entries(asked).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return createClientTokens({
    ...{ issuer, clientId, clientSecret, parameters },
    isInsecure: config.TASKSTREAM_INSECURE_ISSUER,
  });
};
