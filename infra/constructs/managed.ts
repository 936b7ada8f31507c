/** Servers that somebody else runs: what a client is told of each, from the environment and from Secrets of fixed names. */
import type { ManagedElasticsearch, ManagedKafka, ManagedPostgres } from '../environments/schema.ts';
import {
  caFolder,
  caPath,
  clientCertificate,
  loginFiles,
  type Connection,
  type EnvSource,
  type SecretFile,
} from './connection.ts';
import { PART_OF } from './custom-resource.ts';
import { searchSecretOf, type SearchClient } from './elasticsearch.ts';
import type { KafkaClient } from './kafka.ts';
import type { ScalerCredentials } from './lag-scaler.ts';

type Server = Parameters<typeof caPath>[0];
type Env = Readonly<Record<string, EnvSource>>;

/** The Secret of a client, with the keys that the login has. */
export const kafkaSecretOf = (client: KafkaClient): string => `${PART_OF}-kafka-${client}`;

const caFiles = (server: Server, caSecret: string | undefined): readonly SecretFile[] =>
  caSecret === undefined ? [] : [{ secret: caSecret, key: 'ca.crt', path: caPath(server) }];

/** One variable, where there is a CA. */
const caEnv = (name: string, server: Server, caSecret: string | undefined): Env =>
  caSecret === undefined ? {} : { [name]: { value: caPath(server) } };

export const managedKafka = (
  { brokers, tls, caSecret, login, oauth, egress }: ManagedKafka,
  client: KafkaClient,
): Connection => {
  const secret = kafkaSecretOf(client);
  const { cert, key } = clientCertificate(secret);
  const loginParts = (): Pick<Connection, 'env' | 'files'> => {
    switch (login) {
      case 'none':
        return { env: {}, files: [] };
      case 'mTLS':
        return {
          env: { KAFKA_CERT_FILE: { value: cert.path }, KAFKA_KEY_FILE: { value: key.path } },
          files: [cert, key],
        };
      case 'OAUTHBEARER': {
        const { env, files } = loginFiles('kafka', {
          KAFKA_OAUTH_CLIENT_ID: { secret, key: 'client-id' },
          KAFKA_OAUTH_CLIENT_SECRET: { secret, key: 'client-secret' },
        });
        return {
          env: {
            KAFKA_SASL_MECHANISM: { value: login },
            KAFKA_OAUTH_TOKEN_URL: { value: oauth?.tokenUrl ?? '' },
            KAFKA_OAUTH_SCOPE: { value: oauth?.scope ?? '' },
            KAFKA_OAUTH_EXTENSIONS: { value: oauth?.extensions ?? '' },
            ...caEnv('KAFKA_OAUTH_CA_FILE', 'kafka-oauth', oauth?.caSecret),
            ...env,
          },
          files: [...files, ...caFiles('kafka-oauth', oauth?.caSecret)],
        };
      }
      case 'PLAIN':
      case 'SCRAM-SHA-256':
      case 'SCRAM-SHA-512': {
        const { env, files } = loginFiles('kafka', {
          KAFKA_SASL_USERNAME: { secret, key: 'username' },
          KAFKA_SASL_PASSWORD: { secret, key: 'password' },
        });
        return { env: { KAFKA_SASL_MECHANISM: { value: login }, ...env }, files };
      }
    }
  };
  const { env: loginEnv, files: loginFilesOf } = loginParts();
  return {
    env: {
      KAFKA_BROKERS: { value: brokers },
      ...(tls ? { KAFKA_TLS: { value: 'true' } } : {}),
      ...(caSecret === undefined ? {} : { KAFKA_CA_FILE: { value: caFolder('kafka') } }),
      ...loginEnv,
    },
    files: [
      // All of its CAs, as of an operated one: whoever replaces a CA may have the one of before beside it for a while.
      ...(caSecret === undefined ? [] : [{ secret: caSecret, path: caFolder('kafka') }]),
      ...loginFilesOf,
    ],
    peer: { cidrs: egress.cidrs },
    port: egress.port,
    ...(oauth === undefined ? {} : { beside: [{ peer: { cidrs: oauth.egress.cidrs }, port: oauth.egress.port }] }),
  };
};

/** KEDA's names of the mechanisms. */
const KEDA_SASL = {
  PLAIN: 'plaintext',
  'SCRAM-SHA-256': 'scram_sha256',
  'SCRAM-SHA-512': 'scram_sha512',
  OAUTHBEARER: 'oauthbearer',
} as const;

/** What KEDA connects with, as its client `keda`; nothing where the brokers take anybody, of any CA of the system's. */
export const managedScalerCredentials = ({ tls, caSecret, login, oauth }: ManagedKafka): ScalerCredentials => {
  const secret = kafkaSecretOf('keda');
  const loginParameters = (): Env => {
    switch (login) {
      case 'none':
        return {};
      case 'mTLS':
        return { cert: { secret, key: 'tls.crt' }, key: { secret, key: 'tls.key' } };
      case 'OAUTHBEARER':
        return {
          oauthTokenEndpointUri: { value: oauth?.tokenUrl ?? '' },
          scopes: { value: oauth?.scope ?? '' },
          oauthExtensions: { value: oauth?.extensions ?? '' },
          username: { secret, key: 'client-id' },
          password: { secret, key: 'client-secret' },
        };
      case 'PLAIN':
      case 'SCRAM-SHA-256':
      case 'SCRAM-SHA-512':
        return { username: { secret, key: 'username' }, password: { secret, key: 'password' } };
    }
  };
  return {
    tls,
    ...(login === 'none' || login === 'mTLS' ? {} : { sasl: KEDA_SASL[login] }),
    parameters: {
      ...(caSecret === undefined ? {} : { ca: { secret: caSecret, key: 'ca.crt' } }),
      ...loginParameters(),
    },
  };
};

export const managedElasticsearch = (
  { url, caSecret, login, egress }: ManagedElasticsearch,
  client: SearchClient,
): Connection => {
  const secret = searchSecretOf(client);
  const { env, files } = loginFiles('elasticsearch', {
    ...(login === 'user'
      ? { ELASTICSEARCH_USERNAME: { secret, key: 'username' }, ELASTICSEARCH_PASSWORD: { secret, key: 'password' } }
      : {}),
    ...(login === 'apiKey' ? { ELASTICSEARCH_API_KEY: { secret, key: 'api-key' } } : {}),
  });
  return {
    env: {
      ELASTICSEARCH_URL: { value: url },
      ...caEnv('ELASTICSEARCH_CA_FILE', 'elasticsearch', caSecret),
      ...env,
    },
    files: [...caFiles('elasticsearch', caSecret), ...files],
    peer: { cidrs: egress.cidrs },
    port: egress.port,
  };
};

/** @param secret the owner's, or the service's */
export const managedPostgres = ({ tls, caSecret, egress }: ManagedPostgres, secret: string): Connection => {
  const { env, files } = loginFiles('postgres', { DATABASE_URL: { secret, key: 'uri' } });
  return {
    env: {
      ...env,
      DATABASE_TLS: { value: tls },
      ...caEnv('DATABASE_CA_FILE', 'postgres', caSecret),
    },
    files: [...caFiles('postgres', caSecret), ...files],
    peer: { cidrs: egress.cidrs },
    port: egress.port,
  };
};
