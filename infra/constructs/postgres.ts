/** PostgreSQL by CloudNativePG. The operator makes the application's user, its password and the certificates. */
import { Construct } from 'constructs';
import type { OperatedPostgres, Volume } from '../environments/schema.ts';
import { caPath, loginFiles, type Connection } from './connection.ts';
import { CustomResource, PART_OF } from './custom-resource.ts';
import { resourceRequirements } from './resource-requirements.ts';

const CLUSTER = `${PART_OF}-db`;
const PORT = 5_432;
const DATABASE = PART_OF;

export class PostgresCluster extends Construct {
  static readonly podLabels = { 'cnpg.io/cluster': CLUSTER };
  /** Names of the pods, as matchers of the label `pod`; jobs that join an instance have more in theirs. */
  static readonly podMatchers = [`pod=~"${CLUSTER}-[0-9]+"`] as const;
  static readonly port = PORT;

  constructor(scope: Construct, id: string, options: OperatedPostgres) {
    super(scope, id);
    const { instances, maxConnections, volume, walVolume, expandInUse, resources } = options;
    new CustomResource(this, 'cluster', {
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'Cluster',
      name: CLUSTER,
      component: 'postgres',
      // Its volumes belong to it, and go with it.
      isKept: true,
      spec: {
        instances,
        // Without a Secret of ours the operator makes one with the whole connection URL.
        bootstrap: { initdb: { database: DATABASE, owner: DATABASE } },
        storage: storageOf(volume, expandInUse),
        ...(walVolume === undefined ? {} : { walStorage: storageOf(walVolume, expandInUse) }),
        resources: resourceRequirements(resources),
        enableSuperuserAccess: false,
        postgresql: {
          parameters: { max_connections: String(maxConnections) },
          // Acknowledged means durable on a second instance too, where there is one, and no other takes over (ADR 35).
          ...(instances > 1
            ? { synchronous: { method: 'any', number: 1, dataDurability: 'required', failoverQuorum: true } }
            : {}),
        },
        affinity: { enablePodAntiAffinity: instances > 1, topologyKey: 'kubernetes.io/hostname' },
      },
    });
  }

  get connection(): Connection {
    const login = loginFiles('postgres', { DATABASE_URL: { secret: `${CLUSTER}-app`, key: 'uri' } });
    return {
      env: {
        ...login.env,
        DATABASE_TLS: { value: 'verify-full' },
        DATABASE_CA_FILE: { value: caPath('postgres') },
      },
      files: [{ secret: `${CLUSTER}-ca`, key: 'ca.crt', path: caPath('postgres') }, ...login.files],
      peer: { pods: PostgresCluster.podLabels },
      port: PORT,
    };
  }
}

const storageOf = ({ size, storageClass }: Volume, resizeInUseVolumes: boolean) => ({
  size,
  ...(storageClass === undefined ? {} : { storageClass }),
  resizeInUseVolumes,
});
