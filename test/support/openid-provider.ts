/** A certified OpenID provider (npm `oidc-provider`) over HTTP: access tokens for client credentials, and logins of people. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';
import { AUDIENCE } from './issuer.ts';

export interface OpenIdProvider {
  readonly url: string;
  /** A client that it knows. */
  readonly client: { readonly id: string; readonly secret: string };
  /** An access token for this client with these scopes. */
  token(scope: string): Promise<string>;
  /** Tokens that it gave so far. */
  given(): number;
  /** Requests for a token so far, and, while it was away, for anything. */
  asked(): number;
  /** Whether it answers at all from now on. */
  be(state: 'there' | 'away'): void;
  close(): Promise<void>;
}

/** The secret has what must be encoded on its way. */
const [CLIENT, SECRET] = ['worker', 'a secret: 100%+ of the test'];

/** The client of the console, with a secret that the header must encode (RFC 6749, section 2.3.1). */
export const CONSOLE_CLIENT = { id: 'console', secret: 'a secret: of the console+%' };

/** What the account `root` may; anybody else is no administrator. */
const SCOPES = { others: 'tasks:read tasks:write', root: 'tasks:read tasks:write tasks:admin' };

export interface OpenIdProviderOptions {
  /** Where browsers are sent back to, if any log in. */
  readonly consoleUrl?: string;
  readonly lifetimeSeconds?: number;
  /** How it wants the client to tell its secret. */
  readonly authentication?: 'client_secret_basic' | 'client_secret_post';
}

export const startOpenIdProvider = async ({
  consoleUrl,
  lifetimeSeconds = 300,
  authentication = 'client_secret_basic',
}: OpenIdProviderOptions = {}): Promise<OpenIdProvider> => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(url, {
    clients: [
      {
        client_id: CLIENT,
        client_secret: SECRET,
        token_endpoint_auth_method: authentication,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: 'ES256' as const,
      },
      ...(consoleUrl === undefined
        ? []
        : [
            {
              client_id: CONSOLE_CLIENT.id,
              client_secret: CONSOLE_CLIENT.secret,
              grant_types: ['authorization_code'],
              redirect_uris: [`${consoleUrl}/console/callback`],
              post_logout_redirect_uris: [`${consoleUrl}/console/logged-out`],
              response_types: ['code' as const],
              id_token_signed_response_alg: 'ES256' as const,
            },
          ]),
    ],
    // Who is who, the test types into a form of its own: the provider's built-in one is for development.
    findAccount: (_context, sub) => ({
      accountId: sub,
      claims: () => ({ sub, preferred_username: `${sub}@example.com` }),
    }),
    claims: { profile: ['preferred_username'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    cookies: { keys: ['a key of the test'] },
    // Whoever has logged in agrees to all that their account may.
    loadExistingGrant: async (context) => {
      const { client, session } = context.oidc;
      const grant = new context.oidc.provider.Grant({
        clientId: client?.clientId ?? '',
        accountId: session?.accountId ?? '',
      });
      grant.addOIDCScope('openid profile');
      const isRoot = session?.accountId === 'root';
      grant.addResourceScope(AUDIENCE, isRoot ? SCOPES.root : SCOPES.others);
      // So that nobody is asked for what they may not give.
      if (!isRoot) grant.rejectResourceScope(AUDIENCE, 'tasks:admin');
      await grant.save();
      return grant;
    },
    interactions: { url: (_context, interaction) => `/login/${interaction.uid}` },
    clientAuthMethods: [authentication],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), use: 'sig', alg: 'ES256', kid: 'of the provider' }] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => AUDIENCE,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: SCOPES.root,
          audience: AUDIENCE,
          accessTokenFormat: 'jwt' as const,
          accessTokenTTL: lifetimeSeconds,
          jwt: { sign: { alg: 'ES256' as const } },
        }),
      },
    },
  });
  const handle = provider.callback();
  let [given, asked, state] = [0, 0, 'there' as 'there' | 'away'];
  provider.on('grant.success', () => (given += 1));
  /** `GET` shows the form of a login, `POST` takes the name that was typed. */
  const logIn = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method === 'POST') {
      const login = { accountId: new URLSearchParams(await text(request)).get('name') ?? '' };
      await provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
      return;
    }
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end('<form method="post"><label>Name <input name="name"></label><button>Log in</button></form>');
  };
  server.on('request', (request, response) => {
    if (request.url === '/token' || state === 'away') asked += 1;
    if (state === 'away') request.socket.destroy();
    else if (request.url?.startsWith('/login/') === true) void logIn(request, response);
    else void handle(request, response);
  });
  return {
    url,
    client: { id: CLIENT, secret: SECRET },
    given: () => given,
    asked: () => asked,
    be: (next) => {
      state = next;
    },
    token: async (scope) => {
      const answer = await fetch(`${url}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${CLIENT}:${encodeURIComponent(SECRET)}`)}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', scope }),
      });
      const body = (await answer.json()) as { readonly access_token?: string };
      if (body.access_token === undefined) throw new Error(`no token: ${JSON.stringify(body)}`);
      return body.access_token;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
};
