import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readIndexerConfig } from '../../services/indexer/config.ts';
import { connectionSettings } from '../../services/platform/kafka/settings.ts';

const OAUTH = {
  KAFKA_SASL_MECHANISM: 'OAUTHBEARER',
  KAFKA_OAUTH_TOKEN_URL: 'https://id.example.com/token',
  KAFKA_OAUTH_CLIENT_ID: 'id',
  KAFKA_OAUTH_CLIENT_SECRET: 'secret',
};
const minimal = { KAFKA_BROKERS: 'localhost:9092', ELASTICSEARCH_URL: 'http://localhost:9200' };

const faultsOf = (env: Record<string, string>): string => {
  try {
    readIndexerConfig(env);
  } catch (error) {
    return String(error);
  }
  return '';
};

describe('configuration', () => {
  it('works with the two addresses alone', () => {
    expect(readIndexerConfig(minimal)).toMatchObject({
      TASKS_TOPIC: 'tasks',
      HEALTH_PORT: 9236,
      BATCH_MAX_EVENTS: 1_000,
    });
  });

  it('lists every fault together, each with its variable', () => {
    const text = faultsOf({ KAFKA_BROKERS: 'nonsense', BATCH_MAX_EVENTS: '0', KAFKA_TLS: 'maybe', LOG_LEVEL: 'loud' });
    for (const name of ['KAFKA_BROKERS', 'ELASTICSEARCH_URL', 'BATCH_MAX_EVENTS', 'KAFKA_TLS', 'LOG_LEVEL']) {
      expect(text).toContain(`  ${name}: `);
    }
  });

  it.each(['[::1]:9092', '[fd00::2]:9092,kafka:9092', '[fe80::1%eth0]:9092', '10.0.0.1:9092'])(
    'takes the brokers %s',
    (brokers) => {
      expect(readIndexerConfig({ ...minimal, KAFKA_BROKERS: brokers }).KAFKA_BROKERS).toBe(brokers);
    },
  );

  it.each(['::1:9092', '[::1]', '[kafka]:9092', '[::1]:9092,', '[::1:9092', 'kafka'])(
    'refuses the brokers %s',
    (brokers) => {
      expect(faultsOf({ ...minimal, KAFKA_BROKERS: brokers })).toContain('KAFKA_BROKERS: must be host:port');
    },
  );

  it('takes an empty variable as unset', () => {
    expect(readIndexerConfig({ ...minimal, BATCH_MAX_EVENTS: '' }).BATCH_MAX_EVENTS).toBe(1_000);
  });

  it('reads a secret from the file that NAME_FILE names, without its line break', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'taskstream-env-')), 'password');
    writeFileSync(file, 'hunter2\n');
    const config = readIndexerConfig({ ...minimal, ELASTICSEARCH_USERNAME: 'me', ELASTICSEARCH_PASSWORD_FILE: file });
    expect(config.ELASTICSEARCH_PASSWORD).toBe('hunter2');
  });

  it('reads such a file again whenever it is asked, and what it said last counts while it cannot be used', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'taskstream-env-')), 'password');
    writeFileSync(file, 'one');
    const config = readIndexerConfig({ ...minimal, ELASTICSEARCH_USERNAME: 'me', ELASTICSEARCH_PASSWORD_FILE: file });
    writeFileSync(file, 'two\n');
    expect(config.ELASTICSEARCH_PASSWORD).toBe('two');
    writeFileSync(file, '');
    expect(config.ELASTICSEARCH_PASSWORD).toBe('two');
    rmSync(file);
    expect(config.ELASTICSEARCH_PASSWORD).toBe('two');
    writeFileSync(file, 'three');
    expect({ ...config }.ELASTICSEARCH_PASSWORD).toBe('three');
  });

  it('refuses a secret that is given twice or whose file cannot be read', () => {
    const twice = { ...minimal, ELASTICSEARCH_API_KEY: 'k', ELASTICSEARCH_API_KEY_FILE: '/nowhere' };
    expect(faultsOf(twice)).toContain('not both');
    expect(faultsOf({ ...minimal, ELASTICSEARCH_API_KEY_FILE: '/nowhere' })).toContain('ELASTICSEARCH_API_KEY_FILE');
  });

  it.each([
    [{ KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512' }, 'KAFKA_SASL_USERNAME'],
    [{ KAFKA_TLS: 'true', KAFKA_CERT_FILE: '/tls.crt' }, 'KAFKA_KEY_FILE'],
    [{ KAFKA_CA_FILE: '/ca.crt' }, 'KAFKA_TLS'],
    [
      { KAFKA_SASL_MECHANISM: 'OAUTHBEARER', KAFKA_OAUTH_CLIENT_ID: 'id' },
      'OAUTHBEARER needs KAFKA_OAUTH_TOKEN_URL, KAFKA_OAUTH_CLIENT_SECRET',
    ],
    [
      { KAFKA_SASL_MECHANISM: 'PLAIN', KAFKA_OAUTH_SCOPE: 's' },
      'KAFKA_SASL_MECHANISM: must be OAUTHBEARER where KAFKA_OAUTH_SCOPE is given',
    ],
    [{ ...OAUTH, KAFKA_SASL_USERNAME: 'u' }, 'OAUTHBEARER has no user and password'],
    [{ ...OAUTH, KAFKA_OAUTH_TOKEN_URL: 'id.example.com/token' }, 'KAFKA_OAUTH_TOKEN_URL: must be a URL'],
    [{ ...OAUTH, KAFKA_OAUTH_EXTENSIONS: 'logicalCluster' }, 'KAFKA_OAUTH_EXTENSIONS: must be name=value pairs'],
    [{ ELASTICSEARCH_USERNAME: 'me' }, 'ELASTICSEARCH_PASSWORD'],
    [{ DRAIN_DEADLINE_MS: '20000' }, 'DRAIN_DEADLINE_MS'],
    [{ RETRY_MAX_MS: '300000' }, 'STALL_TIMEOUT_MS: must be above 310000'],
    [{ RETRY_MAX_MS: '50000' }, 'STALL_TIMEOUT_MS: must be above 60000'],
    [{ ELASTICSEARCH_TIMEOUT_MS: '60000' }, 'STALL_TIMEOUT_MS: must be above 65000'],
    [{ ELASTICSEARCH_TIMEOUT_MS: '100', STALL_TIMEOUT_MS: '14000' }, 'STALL_TIMEOUT_MS: must be above 15000'],
    [{ LAG_INTERVAL_MS: '50000' }, 'LAG_INTERVAL_MS'],
  ])('refuses settings that only make sense together: %o', (env, named) => {
    expect(faultsOf({ ...minimal, ...env })).toContain(named);
  });

  it.each([
    { RETRY_MAX_MS: '300000', STALL_TIMEOUT_MS: '310001' },
    { ELASTICSEARCH_TIMEOUT_MS: '60000', STALL_TIMEOUT_MS: '65001' },
    { LAG_INTERVAL_MS: '49999' },
  ])('takes settings that fit together: %o', (env) => {
    expect(faultsOf({ ...minimal, ...env })).toBe('');
  });

  it.each([
    [{}, { 'security.protocol': 'plaintext' }],
    [
      { KAFKA_TLS: 'true', KAFKA_CA_FILE: '/ca' },
      { 'security.protocol': 'ssl', 'ssl.ca.location': '/ca' },
    ],
    [
      { KAFKA_TLS: 'true', KAFKA_CERT_FILE: '/crt', KAFKA_KEY_FILE: '/key' },
      { 'security.protocol': 'ssl', 'ssl.certificate.location': '/crt', 'ssl.key.location': '/key' },
    ],
    [
      { KAFKA_TLS: 'true', KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' },
      {
        'security.protocol': 'sasl_ssl',
        'sasl.mechanisms': 'SCRAM-SHA-512',
        'sasl.username': 'u',
        'sasl.password': 'p',
      },
    ],
    [
      {
        ...OAUTH,
        KAFKA_TLS: 'true',
        KAFKA_OAUTH_EXTENSIONS: 'logicalCluster=lkc-1,identityPoolId=pool-2',
        KAFKA_OAUTH_CA_FILE: '/ca',
      },
      {
        'security.protocol': 'sasl_ssl',
        'sasl.mechanisms': 'OAUTHBEARER',
        'sasl.oauthbearer.method': 'oidc',
        'sasl.oauthbearer.token.endpoint.url': 'https://id.example.com/token',
        'sasl.oauthbearer.client.id': 'id',
        'sasl.oauthbearer.client.secret': 'secret',
        'sasl.oauthbearer.extensions': 'logicalCluster=lkc-1,identityPoolId=pool-2',
        'https.ca.location': '/ca',
      },
    ],
  ])('translates %o for librdkafka', (env, settings) => {
    expect(connectionSettings(readIndexerConfig({ ...minimal, ...env }), 'test')).toMatchObject(settings);
  });
});
