/** Environments with servers that somebody else runs: each login, each way to trust, and each beside operated ones. */
import { environmentOf } from '../../infra/environments/index.ts';
import {
  KAFKA_LOGINS,
  parseEnvironment,
  SEARCH_LOGINS,
  type Environment,
  type ManagedKafka,
} from '../../infra/environments/schema.ts';

type Servers = Environment['servers'];

const egress = (port: number, ...cidrs: readonly string[]) => ({ cidrs: [...cidrs], port });

/** The token endpoint and what it is asked for. */
export const TOKENS = {
  tokenUrl: 'https://id.example.com/token',
  scope: 'kafka',
  extensions: 'logicalCluster=lkc-1',
  egress: egress(8_443, '10.5.0.0/16'),
};

export const kafkaWith = (login: ManagedKafka['login'], more: Partial<ManagedKafka> = {}): ManagedKafka => ({
  kind: 'managed',
  brokers: 'b-1.kafka.example.com:9094,b-2.kafka.example.com:9094',
  tls: true,
  login,
  ...(login === 'OAUTHBEARER' ? { oauth: TOKENS } : {}),
  egress: egress(9_094, '10.1.0.0/16', '10.2.0.0/16'),
  ...more,
});

const elasticsearchWith = (login: (typeof SEARCH_LOGINS)[number], caSecret?: string): Servers['elasticsearch'] => ({
  kind: 'managed',
  url: 'https://search.example.com:9243',
  login,
  egress: egress(9_243, '10.3.0.0/16'),
  ...(caSecret === undefined ? {} : { caSecret }),
});

const postgresWith = (caSecret?: string): Servers['postgres'] => ({
  kind: 'managed',
  tls: 'verify-full',
  maxConnections: 500,
  ownerSecret: 'db-owner',
  serviceSecret: 'db-service',
  egress: egress(5_432, '10.4.0.7/32', 'fd00::/64'),
  ...(caSecret === undefined ? {} : { caSecret }),
});

const production = (servers: Partial<Servers>): Environment => {
  const environment = environmentOf('production');
  return parseEnvironment({ ...environment, servers: { ...environment.servers, ...servers } });
};

/** By a name that says what is managed. */
export const MANAGED: readonly [name: string, environment: Environment][] = [
  ...KAFKA_LOGINS.flatMap((login): [string, Environment][] => [
    [`Kafka with ${login}`, production({ kafka: kafkaWith(login) })],
    [`Kafka with ${login} and a CA`, production({ kafka: kafkaWith(login, { caSecret: 'kafka-ca' }) })],
  ]),
  ...([undefined, 'kafka-ca'] as const).map((caSecret): [string, Environment] => [
    `Kafka with OAUTHBEARER by a CA of the token endpoint${caSecret === undefined ? '' : ' and one of its own'}`,
    production({
      kafka: kafkaWith('OAUTHBEARER', {
        oauth: { ...TOKENS, caSecret: 'token-ca' },
        ...(caSecret === undefined ? {} : { caSecret }),
      }),
    }),
  ]),
  ['Kafka with SCRAM-SHA-512 without TLS', production({ kafka: kafkaWith('SCRAM-SHA-512', { tls: false }) })],
  ...SEARCH_LOGINS.flatMap((login): [string, Environment][] => [
    [`Elasticsearch with ${login}`, production({ elasticsearch: elasticsearchWith(login) })],
    [`Elasticsearch with ${login} and a CA`, production({ elasticsearch: elasticsearchWith(login, 'search-ca') })],
  ]),
  ['PostgreSQL', production({ postgres: postgresWith() })],
  ['PostgreSQL with a CA', production({ postgres: postgresWith('db-ca') })],
  [
    'all three',
    production({
      kafka: kafkaWith('OAUTHBEARER', { caSecret: 'kafka-ca' }),
      elasticsearch: elasticsearchWith('apiKey', 'search-ca'),
      postgres: postgresWith('db-ca'),
    }),
  ],
  [
    'Kafka and PostgreSQL',
    production({ kafka: kafkaWith('mTLS', { caSecret: 'kafka-ca' }), postgres: postgresWith() }),
  ],
];
