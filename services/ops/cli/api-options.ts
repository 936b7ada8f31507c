/** Where the HTTP API is, and who asks, for commands that go through it. */
import { Option, type Command } from 'commander';
import { createClientTokens, type AccessTokens } from '../../platform/auth/client-credentials.ts';
import type { ApiOptions } from '../../task/api.ts';
import { PORTS } from '../../task/resources.ts';
import { readClientConfig } from '../env.ts';

/** What the options of `withApiOptions` give. */
export interface ApiFlags {
  readonly url: string;
  readonly token?: string;
}

/** Adds what each command needs that talks to the API. */
export const withApiOptions = (command: Command): Command =>
  command
    .addOption(new Option('-u, --url <url>', 'the API').env('TASKSTREAM_URL').default(`http://localhost:${PORTS.api}`))
    .addOption(
      new Option('--token <token>', 'access token, where the API asks who is calling').env('TASKSTREAM_TOKEN'),
    );

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

/** For the help of these commands. */
export const API_HELP = `
Where the API asks who is calling, give an access token by --token or TASKSTREAM_TOKEN, or a client that gets and renews
tokens by itself (OAuth 2.0 client credentials), in the environment:
  TASKSTREAM_ISSUER          the issuer, such as https://id.example.com/realms/acme
  TASKSTREAM_CLIENT_ID
  TASKSTREAM_CLIENT_SECRET   or TASKSTREAM_CLIENT_SECRET_FILE, the path of a file with it
  TASKSTREAM_SCOPE, TASKSTREAM_AUDIENCE, TASKSTREAM_RESOURCE   where the issuer wants them`;
