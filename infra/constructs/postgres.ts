/**
 * PostgreSQL by CloudNativePG, and its backups by the plugin Barman Cloud. The operator makes the application's user, its
 * password and the certificates.
 */
import { Construct } from 'constructs';
import type { Backup, Environment, OperatedPostgres, RestoreFrom, Volume } from '../environments/schema.ts';
import { caPath, loginFiles, type Connection } from './connection.ts';
import { CustomResource, PART_OF } from './custom-resource.ts';
import { resourceRequirements } from './resource-requirements.ts';
import { evenlyOverZones } from './spread.ts';

const CLUSTER = `${PART_OF}-db`;
const PORT = 5_432;
const DATABASE = PART_OF;
const API_VERSION = 'postgresql.cnpg.io/v1';
const BARMAN_CLOUD = 'barman-cloud.cloudnative-pg.io';
const OBJECT_STORE = `${CLUSTER}-backup`;
/**
 * Seconds of an instance's stop (ADR 35). PostgreSQL first waits for clients to leave, which ours, as pools, never do: no statement of
 * theirs takes longer than ten. Then it ends their sessions, and what is left bounds the checkpoint and the log's way to
 * standbys and bucket. What stands still is killed behind that; by default it would be left alone for half an hour.
 */
const STOP_SECONDS = { forClients: 15, inAll: 300 };
/** Of boto3, by which the plugin talks to the bucket: which requests it sends a checksum with, and which answers it checks. */
const CHECKSUM_VARIABLES = ['AWS_REQUEST_CHECKSUM_CALCULATION', 'AWS_RESPONSE_CHECKSUM_VALIDATION'] as const;

export interface PostgresClusterOptions {
  readonly postgres: OperatedPostgres;
  readonly zoneLabel: Environment['zoneLabel'];
}

export class PostgresCluster extends Construct {
  static readonly podLabels = { 'cnpg.io/cluster': CLUSTER };
  /** Names of the pods, as matchers of the label `pod`; jobs that join an instance have more in theirs. */
  static readonly podMatchers = [`pod=~"${CLUSTER}-[0-9]+"`] as const;
  static readonly port = PORT;
  /** As CloudNativePG names it, of each instance. */
  static readonly metricsPort = { name: 'metrics', number: 9_187 };

  constructor(scope: Construct, id: string, { postgres, zoneLabel }: PostgresClusterOptions) {
    super(scope, id);
    const { instances, maxConnections, volume, walVolume, expandInUse, resources, memory, backup, restoreFrom } =
      postgres;
    new CustomResource(this, 'cluster', {
      apiVersion: API_VERSION,
      kind: 'Cluster',
      name: CLUSTER,
      component: 'postgres',
      // Its volumes belong to it, and go with it.
      isKept: true,
      spec: {
        instances,
        ...beginningOf(restoreFrom),
        ...(backup === undefined ? {} : { plugins: [archiver(backup.serverName)] }),
        storage: storageOf(volume, expandInUse),
        ...(walVolume === undefined ? {} : { walStorage: storageOf(walVolume, expandInUse) }),
        resources: resourceRequirements(resources),
        enableSuperuserAccess: false,
        smartShutdownTimeout: STOP_SECONDS.forClients,
        stopDelay: STOP_SECONDS.inAll,
        postgresql: {
          parameters: {
            max_connections: String(maxConnections),
            shared_buffers: memory.sharedBuffers,
            effective_cache_size: memory.effectiveCacheSize,
            work_mem: memory.workMem,
            maintenance_work_mem: memory.maintenanceWorkMem,
          },
          // Acknowledged means durable on a second instance too, where there is one, and no other takes over (ADR 35).
          ...(instances > 1
            ? { synchronous: { method: 'any', number: 1, dataDurability: 'required', failoverQuorum: true } }
            : {}),
        },
        // As in spread.ts: never two on one host.
        affinity: {
          enablePodAntiAffinity: instances > 1,
          topologyKey: 'kubernetes.io/hostname',
          podAntiAffinityType: 'required',
        },
        // The Jobs that fill a volume have the label too, and so choose a zone in which their instance may run.
        ...evenlyOverZones(zoneLabel, PostgresCluster.podLabels),
      },
    });
    if (backup !== undefined) addBackup(this, backup);
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

/** Both go to one Secret, which the operator makes with the whole connection URL, as none of ours is named. */
const beginningOf = (restoreFrom: RestoreFrom | undefined) => {
  const application = { database: DATABASE, owner: DATABASE };
  if (restoreFrom === undefined) return { bootstrap: { initdb: application } };
  const { serverName, time } = restoreFrom;
  const source = 'backup';
  return {
    bootstrap: {
      recovery: { source, ...application, ...(time === undefined ? {} : { recoveryTarget: { targetTime: time } }) },
    },
    externalClusters: [
      { name: source, plugin: { name: BARMAN_CLOUD, parameters: { barmanObjectName: OBJECT_STORE, serverName } } },
    ],
  };
};

/** The plugin in place of PostgreSQL's `archive_command`: a segment of the log is kept until it is in the bucket. */
const archiver = (serverName: string) => ({
  name: BARMAN_CLOUD,
  isWALArchiver: true,
  parameters: { barmanObjectName: OBJECT_STORE, serverName },
});

const addBackup = (scope: Construct, backup: Backup): void => {
  const { destinationPath, endpointUrl, caSecret, checksums, secret, schedule, retention, resources } = backup;
  new CustomResource(scope, 'object-store', {
    apiVersion: 'barmancloud.cnpg.io/v1',
    kind: 'ObjectStore',
    name: OBJECT_STORE,
    component: 'postgres',
    spec: {
      configuration: {
        destinationPath,
        ...(endpointUrl === undefined ? {} : { endpointURL: endpointUrl }),
        ...(caSecret === undefined ? {} : { endpointCA: { name: caSecret, key: 'ca.crt' } }),
        s3Credentials: {
          accessKeyId: { name: secret, key: 'access-key-id' },
          secretAccessKey: { name: secret, key: 'secret-access-key' },
        },
        data: { compression: 'gzip' },
        wal: { compression: 'gzip', maxParallel: 4 },
      },
      retentionPolicy: retention,
      // The Job of a restore gets these variables too.
      instanceSidecarConfiguration: {
        ...(checksums === undefined ? {} : { env: CHECKSUM_VARIABLES.map((name) => ({ name, value: checksums })) }),
        resources: resourceRequirements(resources),
      },
    },
  });
  new CustomResource(scope, 'scheduled-backup', {
    apiVersion: API_VERSION,
    kind: 'ScheduledBackup',
    name: CLUSTER,
    component: 'postgres',
    spec: {
      // CloudNativePG's begin with seconds.
      schedule: `0 ${schedule}`,
      // The log since the last backup is of no use without one.
      immediate: true,
      cluster: { name: CLUSTER },
      method: 'plugin',
      pluginConfiguration: { name: BARMAN_CLOUD },
      backupOwnerReference: 'cluster',
    },
  });
};

const storageOf = ({ size, storageClass }: Volume, resizeInUseVolumes: boolean) => ({
  size,
  ...(storageClass === undefined ? {} : { storageClass }),
  resizeInUseVolumes,
});
