/** Settings of the console. */
import { z } from 'zod';
import type { AuthConfig } from '../../platform/auth/env.ts';
import {
  flag,
  integer,
  list,
  optionalText,
  type CrossCheck,
  type EnvSpec,
  type EnvValues,
} from '../../platform/env.ts';

/** As many characters as `openssl rand -hex 16` gives; what is made of it has 256 bits. */
const MIN_KEY_LENGTH = 32;

const keys = (): z.ZodType<string[]> =>
  list().refine((secrets) => secrets.every((secret) => secret.length >= MIN_KEY_LENGTH), {
    error: `must be secrets of at least ${MIN_KEY_LENGTH} characters each, such as openssl rand -base64 32 gives`,
  });

const IS_LOCAL = /^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Where browsers are, in the one spelling in which they say it. */
const origin = (): z.ZodType<string> =>
  z.string().transform((input, context) => {
    const found = URL.canParse(input) ? new URL(input) : undefined;
    const refuse = (message: string): never => {
      context.issues.push({ code: 'custom', message, input });
      return z.NEVER;
    };
    if (found === undefined || !['https:', 'http:'].includes(found.protocol) || found.href !== `${found.origin}/`) {
      return refuse('must be an origin such as https://tasks.example.com, without a path');
    }
    if (found.protocol === 'http:' && !IS_LOCAL.test(found.hostname)) {
      return refuse(
        'must start with https://, unless it is this machine: without TLS whoever is in between could take sessions',
      );
    }
    return found.origin;
  });

/** What a login says itself. */
const OWN_PARAMETERS = [
  ...['client_id', 'code_challenge', 'code_challenge_method', 'nonce', 'redirect_uri', 'request', 'request_uri'],
  ...['response_mode', 'response_type', 'scope', 'state'],
];

const parameters = (): z.ZodType<string> =>
  z
    .string()
    .refine(
      (text) => [...new URLSearchParams(text)].every(([name, value]) => value !== '' && !OWN_PARAMETERS.includes(name)),
      { error: `must be name=value, joined by &, and no name of ${OWN_PARAMETERS.join(', ')}` },
    );

export const consoleEnv = {
  CONSOLE: {
    schema: flag(false),
    defaultText: 'false',
    description:
      'Whether `/console` is served, a page to work with tasks and to watch the pipeline. With `AUTH=oidc` administrators log in at the issuer; with `none` it is for whoever reaches it.',
  },
  CONSOLE_URL: {
    schema: origin().optional(),
    description: 'Where browsers find the API, as their address bar shows it; for the login of the console.',
  },
  CONSOLE_CLIENT_ID: {
    schema: optionalText(),
    description: 'The console as the issuer knows it: a client that may use authorization codes with PKCE.',
  },
  CONSOLE_CLIENT_SECRET: {
    schema: optionalText(),
    description: 'Its secret; a public client has none.',
    secret: true,
  },
  CONSOLE_SCOPES: {
    schema: optionalText(),
    defaultText: 'openid profile, and the scopes of the API',
    description: 'What the console asks the issuer for, separated by spaces; `openid` is part of it.',
  },
  CONSOLE_LOGIN_PARAMETERS: {
    schema: parameters().optional(),
    description: 'What some issuers must be told beside, such as `audience=https://tasks.example.com` or `resource=…`.',
  },
  CONSOLE_SESSION_KEYS: {
    schema: keys(),
    description:
      'Secrets that seal the cookies of sessions, comma-separated: the first seals, all open. Each replica has the same.',
    secret: true,
  },
  CONSOLE_SESSION_MINUTES: {
    schema: integer(60, { min: 5, max: 1_440 }),
    defaultText: '60',
    description:
      'How long a session of the console lasts, in minutes: who loses the right at the issuer keeps it here for as long.',
  },
} as const satisfies EnvSpec;

type Config = EnvValues<typeof consoleEnv> & AuthConfig;

/** Where the console has a login, {@link consoleChecks} have seen that these are given. */
export type ConsoleLoginConfig = Config & { readonly CONSOLE_URL: string; readonly CONSOLE_CLIENT_ID: string };

const isGiven = (value: string | readonly string[] | undefined): boolean => value !== undefined && value.length > 0;

/** Whether the console asks who is there. */
export const hasLogin = (config: Config): config is ConsoleLoginConfig => config.CONSOLE && config.AUTH === 'oidc';

const REQUIRED = ['CONSOLE_URL', 'CONSOLE_CLIENT_ID', 'CONSOLE_SESSION_KEYS'] as const;

export const consoleChecks: readonly CrossCheck<
  typeof consoleEnv & typeof import('../../platform/auth/env.ts').authEnv
>[] = [
  ...REQUIRED.map(
    (name) => (config: Config) =>
      hasLogin(config) && !isGiven(config[name])
        ? { path: name, message: 'is required for the login of the console (CONSOLE=true with AUTH=oidc)' }
        : undefined,
  ),
  ({ CONSOLE_SCOPES }) =>
    CONSOLE_SCOPES !== undefined && !CONSOLE_SCOPES.split(' ').includes('openid')
      ? { path: 'CONSOLE_SCOPES', message: 'must have openid among them' }
      : undefined,
];
