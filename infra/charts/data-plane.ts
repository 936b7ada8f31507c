/** The servers: made by their operators, or standing somewhere else already. */
import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Connection, SecretKey } from '../constructs/connection.ts';
import { ElasticsearchCluster, type SearchClient } from '../constructs/elasticsearch.ts';
import { KafkaCluster, userNameOf, type KafkaClient } from '../constructs/kafka.ts';
import type { LagScalerOptions } from '../constructs/lag-scaler.ts';
import { PostgresCluster } from '../constructs/postgres.ts';
import type { Environment, ExternalServers, OperatorServers } from '../environments/schema.ts';

/** What workloads need to know of the servers. */
export interface Servers {
  readonly kafka: (client: KafkaClient) => Connection;
  readonly search: (client: SearchClient) => Connection;
  readonly database: Connection;
  readonly bootstrap: string;
  readonly scalerCredentials: LagScalerOptions['credentials'];
  /** Passwords that `ops secrets` has to make. */
  readonly passwords: readonly SecretKey[];
}

export class DataPlaneChart extends Chart {
  readonly servers: Servers;

  constructor(scope: Construct, id: string, environment: Environment) {
    super(scope, id, { namespace: environment.namespace, disableResourceNameHashes: true });
    this.servers =
      environment.servers.kind === 'operators'
        ? addServers(this, environment, environment.servers)
        : externalServers(environment.servers);
  }
}

const addServers = (scope: Construct, environment: Environment, servers: OperatorServers): Servers => {
  const { namespace, topic, console, consumers } = environment;
  const kafka = new KafkaCluster(scope, 'kafka', { kafka: servers.kafka, topic, namespace, acls: { console }, consumers });
  const search = new ElasticsearchCluster(scope, 'elasticsearch', { elasticsearch: servers.elasticsearch, namespace });
  const postgres = new PostgresCluster(scope, 'postgres', servers.postgres);
  return {
    kafka: (client) => kafka.connectionOf(client),
    search: (client) => search.connectionOf(client),
    database: postgres.connection,
    bootstrap: kafka.bootstrap,
    scalerCredentials: {
      username: userNameOf('keda'),
      password: { secret: userNameOf('keda'), key: 'password' },
      ca: { secret: KafkaCluster.caSecret, key: 'ca.crt' },
    },
    passwords: ElasticsearchCluster.passwords,
  };
};

const externalServers = (servers: ExternalServers): Servers => {
  const { address, kafkaPort, elasticsearchPort, postgresPort, postgresSecret } = servers;
  const peer = { cidr: `${address}/32` };
  const bootstrap = `${address}:${kafkaPort}`;
  return {
    kafka: () => ({ env: { KAFKA_BROKERS: { value: bootstrap } }, files: [], peer, port: kafkaPort }),
    search: () => ({
      env: { ELASTICSEARCH_URL: { value: `http://${address}:${elasticsearchPort}` } },
      files: [],
      peer,
      port: elasticsearchPort,
    }),
    database: {
      env: { DATABASE_URL: { secret: postgresSecret, key: 'uri' } },
      files: [],
      peer,
      port: postgresPort,
    },
    bootstrap,
    scalerCredentials: undefined,
    passwords: [],
  };
};
