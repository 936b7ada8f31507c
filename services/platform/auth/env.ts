/** Who may call the API. */
import { flag, integer, list, optionalText, url, type CrossCheck, type EnvSpec, type EnvValues } from '../env.ts';
import { z } from 'zod';

/** Signatures by a private key. With a shared one (HS256) whoever may verify a token could write one. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

const algorithms = (): z.ZodType<string[]> =>
  list(['RS256', 'PS256', 'ES256', 'EdDSA']).refine(
    (names) => names.length > 0 && names.every((name) => ALGORITHMS.includes(name)),
    { error: `must be some of ${ALGORITHMS.join(', ')}` },
  );

/** What a quoted string of a header can hold as it is. RFC 6749, section 3.3, wants the same of scopes, and no space. */
export const quotable = () =>
  z.string().regex(/^[\x21\x23-\x5B\x5D-\x7E]+$/, { error: 'must have visible ASCII characters only, and no " or \\' });

export const authEnv = {
  AUTH: {
    schema: z.enum(['oidc', 'none'], {
      error:
        'must be oidc, with AUTH_ISSUER and AUTH_AUDIENCE, or none, where whoever reaches the API may read and change everything',
    }),
    description:
      'Who may call the API: `oidc`, whoever brings an access token of `AUTH_ISSUER` for `AUTH_AUDIENCE`, or `none`, whoever reaches it.',
  },
  AUTH_ISSUER: {
    schema: url(['https:', 'http:']).optional(),
    description: 'The issuer of access tokens, as they name it (`iss`), such as `https://id.example.com/realms/acme`.',
  },
  AUTH_AUDIENCE: {
    schema: optionalText(),
    description: 'Whom the tokens must be for (`aud`): this API, as the issuer knows it.',
  },
  AUTH_JWKS_URL: {
    schema: url(['https:', 'http:']).optional(),
    description: "Where the issuer's keys are; when not given, its `/.well-known/openid-configuration` says it.",
  },
  AUTH_ALGORITHMS: {
    schema: algorithms(),
    defaultText: 'RS256,PS256,ES256,EdDSA',
    description: 'Signature algorithms that are taken, comma-separated.',
  },
  AUTH_CLOCK_TOLERANCE_S: {
    schema: integer(30, { min: 0, max: 300 }),
    defaultText: '30',
    description: "How far the issuer's clock may be from this one, in seconds.",
  },
  AUTH_OWNER_CLAIM: {
    schema: quotable().default('sub'),
    defaultText: 'sub',
    description:
      'The claim of the tokens that says whose things their callers see and change: `sub`, each caller, or such as that of a tenant, all of its callers.',
  },
  AUTH_INSECURE_ISSUER: {
    schema: flag(false),
    defaultText: 'false',
    description:
      'Whether the issuer may be asked by HTTP without TLS: whoever is in between could hand out keys. For tests.',
  },
} as const satisfies EnvSpec;

export type AuthConfig = EnvValues<typeof authEnv>;

const isInsecure = (address: string | undefined): boolean => address?.startsWith('http:') === true;

export const authChecks: readonly CrossCheck<typeof authEnv>[] = [
  ({ AUTH, AUTH_ISSUER }) =>
    AUTH === 'oidc' && AUTH_ISSUER === undefined
      ? { path: 'AUTH_ISSUER', message: 'is required with AUTH=oidc' }
      : undefined,
  ({ AUTH, AUTH_AUDIENCE }) =>
    AUTH === 'oidc' && AUTH_AUDIENCE === undefined
      ? {
          path: 'AUTH_AUDIENCE',
          message: 'is required with AUTH=oidc: a token for another API of the issuer is none for this one',
        }
      : undefined,
  ({ AUTH, AUTH_ISSUER, AUTH_AUDIENCE }) =>
    AUTH === 'none' && (AUTH_ISSUER ?? AUTH_AUDIENCE) !== undefined
      ? { path: 'AUTH', message: 'must be oidc where AUTH_ISSUER or AUTH_AUDIENCE is given, or these left out' }
      : undefined,
  ({ AUTH_ISSUER, AUTH_JWKS_URL, AUTH_INSECURE_ISSUER }) =>
    !AUTH_INSECURE_ISSUER && (isInsecure(AUTH_ISSUER) || isInsecure(AUTH_JWKS_URL))
      ? { path: isInsecure(AUTH_ISSUER) ? 'AUTH_ISSUER' : 'AUTH_JWKS_URL', message: 'must be an https:// URL' }
      : undefined,
];
