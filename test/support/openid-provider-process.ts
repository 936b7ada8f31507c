/** The program of `openid-provider.ts`: says where the provider is, and answers each order with its counts. It ends with its parent. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';
// Types alone: what starts it needs more than it does.
import type { ProviderAnswer, ProviderOrder, ProviderSettings, ProviderState } from './openid-provider.ts';

/** What the account `root` may; anybody else is no administrator. */
const SCOPES = { others: 'tasks:read tasks:write', root: 'tasks:read tasks:write tasks:admin' };

const settings = JSON.parse(process.argv[2] ?? '') as ProviderSettings;
const { audience, client: worker, consoleClient, consoleUrl, lifetimeSeconds, authentication } = settings;

const { privateKey } = await generateKeyPair('ES256', { extractable: true });
const server = createServer();
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const provider = new Provider(url, {
  clients: [
    {
      client_id: worker.id,
      client_secret: worker.secret,
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
            client_id: consoleClient.id,
            client_secret: consoleClient.secret,
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
    grant.addResourceScope(audience, isRoot ? SCOPES.root : SCOPES.others);
    // So that nobody is asked for what they may not give.
    if (!isRoot) grant.rejectResourceScope(audience, 'tasks:admin');
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
      defaultResource: () => audience,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: SCOPES.root,
        audience,
        accessTokenFormat: 'jwt' as const,
        accessTokenTTL: lifetimeSeconds,
        jwt: { sign: { alg: 'ES256' as const } },
      }),
    },
  },
});
const handle = provider.callback();
let state: ProviderState = 'there';
let [given, asked] = [0, 0];
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

process.on('disconnect', () => process.exit());
process.on('message', ({ be = state }: ProviderOrder) => {
  state = be;
  tell();
});
const tell = (): void => {
  process.send?.({ url, given, asked } satisfies ProviderAnswer);
};
tell();
