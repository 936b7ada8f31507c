import { describe, expect, it } from 'vitest';
import { readApiConfig } from '../../services/api/config.ts';

const minimal = {
  DATABASE_URL: 'postgres://localhost/tasks',
  KAFKA_BROKERS: 'localhost:9092',
  ELASTICSEARCH_URL: 'http://localhost:9200',
  AUTH: 'none',
};

const read = (env: Record<string, string>) => readApiConfig({ ...minimal, ...env });

describe("the API's configuration", () => {
  it('spells origins as browsers do', () => {
    const { CORS_ORIGINS } = read({ CORS_ORIGINS: 'HTTPS://App.Example.com:443/, http://localhost:80, app://local,*' });
    expect(CORS_ORIGINS).toEqual(['https://app.example.com', 'http://localhost', 'app://local', '*']);
  });

  it('counts the proxies in front', () => {
    const counted = ['', 'false', 'true', '0', '2'].map((value) => read({ TRUST_PROXY: value }).TRUST_PROXY);
    expect(counted).toEqual([0, 0, 1, 0, 2]);
  });

  it.each([
    [{ TRUST_PROXY: '-1' }, 'TRUST_PROXY: must be true, false, or a number from 0 to 9'],
    [{ HEADERS_TIMEOUT_MS: '40000' }, 'HEADERS_TIMEOUT_MS: must be at most REQUEST_TIMEOUT_MS (30000)'],
    [{ KEEP_ALIVE_TIMEOUT_MS: '5000' }, 'KEEP_ALIVE_TIMEOUT_MS: must be above HEADERS_TIMEOUT_MS (15000)'],
    [{ CORS_ORIGINS: 'https://app.example.com/page' }, 'CORS_ORIGINS: https://app.example.com/page is no origin'],
    [
      { DATABASE_TLS: 'verify-full', DATABASE_URL: 'postgres://db.example.com/tasks?sslmode=disable' },
      'DATABASE_URL: must not have the parameter sslmode, which would win over a setting: TLS is set by DATABASE_TLS',
    ],
    [
      { DATABASE_URL: 'postgres://localhost/tasks?statement_timeout=0&query_timeout=0' },
      'DATABASE_URL: must not have the parameter statement_timeout, query_timeout',
    ],
    [{ DATABASE_URL: 'nowhere' }, 'DATABASE_URL: must be a URL that starts with postgres://'],
  ])('refuses %o with a sentence', (env, message) => {
    expect(() => read(env)).toThrow(message);
  });
});

describe('who may call the API', () => {
  const oidc = { AUTH: 'oidc', AUTH_ISSUER: 'https://id.example.com', AUTH_AUDIENCE: 'https://tasks.example.com' };
  const login = {
    ...{ ...oidc, CONSOLE: 'true', CONSOLE_URL: 'https://tasks.example.com', CONSOLE_CLIENT_ID: 'console' },
    CONSOLE_SESSION_KEYS: 'k'.repeat(32),
  };

  it('has to be said', () => {
    expect(() => read({ AUTH: '' })).toThrow(/AUTH: must be oidc, with AUTH_ISSUER and AUTH_AUDIENCE, or none/);
    expect(read(oidc)).toMatchObject({ AUTH: 'oidc', AUTH_SCOPE_WRITE: 'tasks:write' });
    expect(read(login)).toMatchObject({ CONSOLE: true, CONSOLE_SESSION_MINUTES: 60 });
    expect(read({ ...login, CONSOLE_URL: 'http://tasks.localhost:9234' })).toMatchObject({ CONSOLE: true });
    expect(read({ ...login, CONSOLE_URL: 'HTTPS://Tasks.Example.com:443/' })).toMatchObject({
      CONSOLE_URL: 'https://tasks.example.com',
    });
  });

  it.each([
    [{ ...oidc, AUTH_ISSUER: '' }, 'AUTH_ISSUER: is required with AUTH=oidc'],
    [{ ...oidc, AUTH_AUDIENCE: '' }, 'AUTH_AUDIENCE: is required with AUTH=oidc'],
    [{ ...oidc, AUTH: 'none' }, 'AUTH: must be oidc where AUTH_ISSUER'],
    [{ ...oidc, AUTH_ISSUER: 'http://id.example.com' }, 'AUTH_ISSUER: must be an https:// URL'],
    [{ ...oidc, AUTH_JWKS_URL: 'http://id.example.com/keys' }, 'AUTH_JWKS_URL: must be an https:// URL'],
    [{ ...oidc, AUTH_ALGORITHMS: 'HS256' }, 'AUTH_ALGORITHMS: must be some of'],
    [{ ...oidc, AUTH_SCOPE_ADMIN: 'tasks:read' }, 'AUTH_SCOPE_ADMIN: must be another scope'],
    [{ ...oidc, AUTH_SCOPE_READ: 'a "b"' }, 'AUTH_SCOPE_READ: must have visible ASCII'],
    [{ ...login, CONSOLE_URL: '' }, 'CONSOLE_URL: is required'],
    [{ ...login, CONSOLE_URL: 'http://tasks.example.com' }, 'CONSOLE_URL: must start with https://'],
    [{ ...login, CONSOLE_URL: 'http://localhost.example.com' }, 'CONSOLE_URL: must start with https://'],
    [{ ...login, CONSOLE_URL: 'https://tasks.example.com/path' }, 'CONSOLE_URL: must be an origin'],
    [{ ...login, CONSOLE_CLIENT_ID: '' }, 'CONSOLE_CLIENT_ID: is required'],
    [{ ...login, CONSOLE_SESSION_KEYS: '' }, 'CONSOLE_SESSION_KEYS: is required'],
    [
      { ...login, CONSOLE_SESSION_KEYS: `${'k'.repeat(32)},short` },
      'CONSOLE_SESSION_KEYS: must be secrets of at least 32',
    ],
    [{ ...login, CONSOLE_URL: 'tasks.example.com' }, 'CONSOLE_URL: must be an origin'],
    [{ ...login, CONSOLE_LOGIN_PARAMETERS: 'response_mode=fragment' }, 'CONSOLE_LOGIN_PARAMETERS: must be name=value'],
    [{ ...login, CONSOLE_LOGIN_PARAMETERS: 'audience' }, 'CONSOLE_LOGIN_PARAMETERS: must be name=value'],
    [{ ...login, CONSOLE_SCOPES: 'profile' }, 'CONSOLE_SCOPES: must have openid'],
    [{ ...login, CONSOLE_SESSION_MINUTES: '4' }, 'CONSOLE_SESSION_MINUTES: must be a whole number from 5'],
  ])('is refused where it contradicts itself: %o', (env, message) => {
    expect(() => read(env)).toThrow(message);
  });
});
