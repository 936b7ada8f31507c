import { describe, expect, it } from 'vitest';
import { readApiConfig } from '../../services/api/config.ts';

const minimal = {
  DATABASE_URL: 'postgres://localhost/tasks',
  KAFKA_BROKERS: 'localhost:9092',
  ELASTICSEARCH_URL: 'http://localhost:9200',
};

const read = (env: Record<string, string>) => readApiConfig({ ...minimal, ...env });

describe("the API's configuration", () => {
  it('spells origins as browsers do', () => {
    const { CORS_ORIGINS } = read({ CORS_ORIGINS: 'HTTPS://App.Example.com:443/, http://localhost:80, app://local,*' });
    expect(CORS_ORIGINS).toEqual(['https://app.example.com', 'http://localhost', 'app://local', '*']);
  });

  it.each([
    [{ HEADERS_TIMEOUT_MS: '40000' }, 'HEADERS_TIMEOUT_MS: must be at most REQUEST_TIMEOUT_MS (30000)'],
    [{ KEEP_ALIVE_TIMEOUT_MS: '5000' }, 'KEEP_ALIVE_TIMEOUT_MS: must be above HEADERS_TIMEOUT_MS (15000)'],
    [{ CORS_ORIGINS: 'https://app.example.com/page' }, 'CORS_ORIGINS: https://app.example.com/page is no origin'],
  ])('refuses %o with a sentence', (env, message) => {
    expect(() => read(env)).toThrow(message);
  });
});
