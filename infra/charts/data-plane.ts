/** The servers: each made by its operator, or run by somebody else. */
import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Connection, SecretKey } from '../constructs/connection.ts';
import { ElasticsearchCluster, type Exporter, type SearchClient } from '../constructs/elasticsearch.ts';
import { KafkaCluster, userNameOf, type KafkaClient } from '../constructs/kafka.ts';
import type { ScalerCredentials } from '../constructs/lag-scaler.ts';
import {
  managedElasticsearch,
  managedKafka,
  managedPostgres,
  managedScalerCredentials,
} from '../constructs/managed.ts';
import { PostgresCluster } from '../constructs/postgres.ts';
import type { Environment } from '../environments/schema.ts';

/** What workloads need to know of the servers. */
export interface Servers {
  readonly kafka: (client: KafkaClient) => Connection;
  readonly search: (client: SearchClient) => Connection;
  readonly database: Connection;
  /** The database, as the user that may change its schema. */
  readonly migration: Connection;
  readonly bootstrap: string;
  readonly scalerCredentials: ScalerCredentials;
  /** Passwords that `ops secrets` has to make. */
  readonly passwords: readonly SecretKey[];
  /** What asks Elasticsearch for its figures. */
  readonly exporter?: Exporter | undefined;
}

export class DataPlaneChart extends Chart {
  readonly servers: Servers;

  constructor(scope: Construct, id: string, environment: Environment) {
    super(scope, id, { namespace: environment.namespace, disableResourceNameHashes: true });
    this.servers = {
      ...kafkaOf(this, environment),
      ...searchOf(this, environment),
      ...databaseOf(this, environment),
    };
  }
}

const kafkaOf = (
  scope: Construct,
  { servers: { kafka }, namespace, topic, console, consumers, zoneLabel, monitoring }: Environment,
): Pick<Servers, 'kafka' | 'bootstrap' | 'scalerCredentials'> => {
  if (kafka.kind === 'managed') {
    return {
      kafka: (client) => managedKafka(kafka, client),
      bootstrap: kafka.brokers,
      scalerCredentials: managedScalerCredentials(kafka),
    };
  }
  const cluster = new KafkaCluster(scope, 'kafka', {
    kafka,
    topic,
    namespace,
    acls: { console },
    consumers,
    zoneLabel,
    monitoring,
  });
  return {
    kafka: (client) => cluster.connectionOf(client),
    bootstrap: cluster.bootstrap,
    scalerCredentials: {
      tls: true,
      sasl: 'scram_sha512',
      parameters: {
        ca: { secret: KafkaCluster.caSecret, key: 'ca.crt' },
        // Strimzi's Secret has the password and not the user's name.
        username: { value: userNameOf('keda') },
        password: { secret: userNameOf('keda'), key: 'password' },
      },
    },
  };
};

const searchOf = (
  scope: Construct,
  { servers: { elasticsearch }, namespace, zoneLabel }: Environment,
): Pick<Servers, 'search' | 'passwords' | 'exporter'> => {
  if (elasticsearch.kind === 'managed') {
    return { search: (client) => managedElasticsearch(elasticsearch, client), passwords: [] };
  }
  const cluster = new ElasticsearchCluster(scope, 'elasticsearch', { elasticsearch, namespace, zoneLabel });
  const { passwords, exporter } = cluster;
  return { search: (client) => cluster.connectionOf(client), passwords, exporter };
};

const databaseOf = (
  scope: Construct,
  { servers: { postgres }, zoneLabel }: Environment,
): Pick<Servers, 'database' | 'migration'> => {
  if (postgres.kind === 'managed') {
    return {
      database: managedPostgres(postgres, postgres.serviceSecret),
      migration: managedPostgres(postgres, postgres.ownerSecret),
    };
  }
  const { connection } = new PostgresCluster(scope, 'postgres', { postgres, zoneLabel });
  return { database: connection, migration: connection };
};
