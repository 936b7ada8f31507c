/**
 * A certified OpenID provider (npm `oidc-provider`) over HTTP: access tokens for client credentials, and logins of people.
 * It runs in a process of its own, as it wants a later Node than the clone does.
 */
import { fork } from 'node:child_process';
import { on, once } from 'node:events';
import { join } from 'node:path';
import { AUDIENCE } from './issuer.ts';
import { findLaterNode } from './npm-fixture.ts';

export type ProviderState = 'there' | 'away';

export interface OpenIdProvider {
  readonly url: string;
  readonly pid: number;
  /** A client that it knows. */
  readonly client: { readonly id: string; readonly secret: string };
  /** An access token for this client with these scopes. */
  token(scope: string): Promise<string>;
  /** Tokens that it gave so far. */
  given(): Promise<number>;
  /** Requests for a token so far, and, while it was away, for anything. */
  asked(): Promise<number>;
  /** Whether it answers at all from now on. */
  be(state: ProviderState): Promise<void>;
  close(): Promise<void>;
}

/** The secret has what must be encoded on its way. */
const CLIENT = { id: 'worker', secret: 'a secret: 100%+ of the test' };

/** The client of the console, with a secret that the header must encode (RFC 6749, section 2.3.1). */
export const CONSOLE_CLIENT = { id: 'console', secret: 'a secret: of the console+%' };

export interface OpenIdProviderOptions {
  /** Where browsers are sent back to, if any log in. */
  readonly consoleUrl?: string;
  readonly lifetimeSeconds?: number;
  /** How it wants the client to tell its secret. */
  readonly authentication?: 'client_secret_basic' | 'client_secret_post';
}

/** What its process is started with. */
export interface ProviderSettings extends OpenIdProviderOptions {
  readonly audience: string;
  readonly client: OpenIdProvider['client'];
  readonly consoleClient: OpenIdProvider['client'];
  readonly lifetimeSeconds: number;
  readonly authentication: 'client_secret_basic' | 'client_secret_post';
}

/** What its process is sent. */
export interface ProviderOrder {
  readonly be?: ProviderState;
}

/** What its process sends at its start, and for each order once it is carried out. */
export interface ProviderAnswer {
  readonly url: string;
  readonly given: number;
  readonly asked: number;
}

export const startOpenIdProvider = async (options: OpenIdProviderOptions = {}): Promise<OpenIdProvider> => {
  const settings: ProviderSettings = {
    ...{ audience: AUDIENCE, client: CLIENT, consoleClient: CONSOLE_CLIENT },
    ...{ lifetimeSeconds: 300, authentication: 'client_secret_basic', ...options },
  };
  const child = fork(join(import.meta.dirname, 'openid-provider-process.ts'), [JSON.stringify(settings)], {
    execPath: await findLaterNode(),
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  // In the order of the questions, and an end for all of them.
  const answers = on(child, 'message', { close: ['exit'] });
  const answer = async (): Promise<ProviderAnswer> => {
    const { value } = (await answers.next()) as IteratorResult<[ProviderAnswer], undefined>;
    if (value === undefined) throw new Error('the OpenID provider has ended');
    return value[0];
  };
  const order = (what: ProviderOrder): Promise<ProviderAnswer> => {
    child.send(what);
    return answer();
  };
  const { url } = await answer();
  return {
    url,
    pid: child.pid ?? 0,
    client: CLIENT,
    given: async () => (await order({})).given,
    asked: async () => (await order({})).asked,
    be: async (state) => {
      await order({ be: state });
    },
    token: async (scope) => {
      const granted = await fetch(`${url}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${CLIENT.id}:${encodeURIComponent(CLIENT.secret)}`)}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', scope }),
      });
      const body = (await granted.json()) as { readonly access_token?: string };
      if (body.access_token === undefined) throw new Error(`no token: ${JSON.stringify(body)}`);
      return body.access_token;
    },
    close: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
};
