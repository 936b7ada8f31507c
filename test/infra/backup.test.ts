import { expect, it } from 'vitest';
import type { Backup } from '../../infra/environments/schema.ts';
import { BACKUP, LEAST_BACKUP, withBackup } from '../support/backup.ts';
import { find, manifestsOf, ofKind } from '../support/manifests.ts';
import { isAllowed } from '../support/network.ts';

const manifests = manifestsOf(withBackup(BACKUP));
const plugin = 'barman-cloud.cloudnative-pg.io';

it('the log goes to the bucket all the time, and a whole backup at once and by its schedule', () => {
  const { plugins, bootstrap } = find(manifests, 'Cluster', 'taskstream-db').spec;
  expect(plugins).toEqual([
    {
      name: plugin,
      isWALArchiver: true,
      parameters: { barmanObjectName: 'taskstream-db-backup', serverName: 'taskstream-db' },
    },
  ]);
  expect(bootstrap).toEqual({ initdb: { database: 'taskstream', owner: 'taskstream' } });
  expect(find(manifests, 'ScheduledBackup', 'taskstream-db').spec).toMatchObject({
    schedule: '0 30 2 * * *',
    immediate: true,
    method: 'plugin',
    pluginConfiguration: { name: plugin },
    cluster: { name: 'taskstream-db' },
  });
  const { spec } = find(manifests, 'ObjectStore', 'taskstream-db-backup');
  expect(spec).toMatchObject({
    retentionPolicy: '30d',
    configuration: {
      destinationPath: 's3://backups/taskstream',
      endpointURL: 'https://objects.storage:9000',
      s3Credentials: {
        accessKeyId: { name: 'backup-bucket', key: 'access-key-id' },
        secretAccessKey: { name: 'backup-bucket', key: 'secret-access-key' },
      },
    },
  });
});

it("a store that is not Amazon's may have a CA of its own, and be spared the checksums that it refuses", () => {
  const storeOf = (backup: Backup) => find(manifestsOf(withBackup(backup)), 'ObjectStore', 'taskstream-db-backup').spec;
  const { configuration, instanceSidecarConfiguration } = storeOf(BACKUP);
  expect(configuration.endpointCA).toEqual({ name: 'objects-ca', key: 'ca.crt' });
  // Where boto3 looks, in the plugin's container and in the Job of a restore.
  expect(instanceSidecarConfiguration.env).toEqual([
    { name: 'AWS_REQUEST_CHECKSUM_CALCULATION', value: 'when_required' },
    { name: 'AWS_RESPONSE_CHECKSUM_VALIDATION', value: 'when_required' },
  ]);
  const least = storeOf(LEAST_BACKUP);
  expect(least.configuration).not.toHaveProperty('endpointCA');
  expect(least.instanceSidecarConfiguration).not.toHaveProperty('env');
});

it('a Cluster that is made anew begins with a backup, up to a time, and goes on in a folder of its own', () => {
  const restored = manifestsOf(
    withBackup(
      { ...BACKUP, serverName: 'taskstream-db-2' },
      { serverName: 'taskstream-db', time: '2026-11-24T03:00:00Z' },
    ),
  );
  const { bootstrap, externalClusters, plugins } = find(restored, 'Cluster', 'taskstream-db').spec;
  // The same database and owner: `taskstream-db-app`, which our pods read, comes of them.
  expect(bootstrap).toEqual({
    recovery: {
      source: 'backup',
      database: 'taskstream',
      owner: 'taskstream',
      recoveryTarget: { targetTime: '2026-11-24T03:00:00Z' },
    },
  });
  expect(externalClusters).toEqual([
    {
      name: 'backup',
      plugin: { name: plugin, parameters: { barmanObjectName: 'taskstream-db-backup', serverName: 'taskstream-db' } },
    },
  ]);
  expect(plugins[0].parameters.serverName).toBe('taskstream-db-2');
});

it('instances reach the bucket where its port is not 443, and nobody else does', () => {
  const postgres = { namespace: 'taskstream', labels: { 'cnpg.io/cluster': 'taskstream-db' } };
  const kafka = { namespace: 'taskstream', labels: { 'strimzi.io/cluster': 'taskstream' } };
  const bucket = { namespace: 'elsewhere', labels: {}, address: '10.30.0.7' };
  const policiesOf = (backup: Backup) => ofKind(manifestsOf(withBackup(backup)), 'NetworkPolicy');
  expect(isAllowed(policiesOf(BACKUP), postgres, bucket, 9_000)).toBe(true);
  expect(isAllowed(policiesOf(BACKUP), kafka, bucket, 9_000)).toBe(false);
  expect(isAllowed(policiesOf(LEAST_BACKUP), postgres, bucket, 9_000)).toBe(false);
  expect(isAllowed(policiesOf(LEAST_BACKUP), postgres, bucket, 443)).toBe(true);
});

it('without a backup there is nothing of it', () => {
  const production = manifestsOf('production');
  expect([...ofKind(production, 'ObjectStore'), ...ofKind(production, 'ScheduledBackup')]).toEqual([]);
  expect(find(production, 'Cluster', 'taskstream-db').spec).not.toHaveProperty('plugins');
});

it.each<[string, object, object | undefined, string]>([
  ['no bucket', { destinationPath: undefined }, undefined, 'servers.postgres.backup.destinationPath: '],
  ['no Secret', { secret: undefined }, undefined, 'servers.postgres.backup.secret: '],
  ['a bucket of another kind', { destinationPath: '/backups' }, undefined, 'must be a bucket such as s3://'],
  [
    'a retention without a unit',
    { retention: '30' },
    undefined,
    'servers.postgres.backup.retention: must be a number of',
  ],
  [
    'a CA of no certificate',
    { endpointUrl: 'http://objects.storage:9000' },
    undefined,
    'servers.postgres.backup.caSecret: is of no use without https',
  ],
  ['checksums of another kind', { checksums: 'never' }, undefined, 'servers.postgres.backup.checksums: '],
  [
    'an age that each nightly backup reaches',
    { overdueHours: 24 },
    undefined,
    'servers.postgres.backup.overdueHours: must be above 24, the hours from one backup to the next',
  ],
  [
    'an age that each weekly backup reaches',
    { schedule: '30 2 * * SUN', overdueHours: 168 },
    undefined,
    'servers.postgres.backup.overdueHours: must be above 168',
  ],
  [
    'an age that each monthly backup reaches',
    { schedule: '30 2 1 * *', overdueHours: 744 },
    undefined,
    'servers.postgres.backup.overdueHours: must be above 744',
  ],
  [
    'an age that nobody can say',
    { schedule: '30 2 * * 1-5', overdueHours: undefined },
    undefined,
    'servers.postgres.backup.overdueHours: must be given with a schedule that does not run every day',
  ],
  ['a time that is none', {}, { serverName: 'before', time: 'yesterday' }, 'restoreFrom.time: must be a time in UTC'],
  [
    'the folder of the lost one',
    {},
    { serverName: BACKUP.serverName },
    'servers.postgres.backup.serverName: must be another than restoreFrom.serverName',
  ],
])('a backup with %s is refused by name', (_, backup, restoreFrom, message) => {
  expect(() => withBackup({ ...BACKUP, ...backup }, restoreFrom as never)).toThrow(message);
});

it.each<[string, number | undefined]>([
  ['30 2 * * *', undefined],
  ['0 */6 * * *', 8],
  ['30 2 * * 0', 169],
  ['30 2 1 * *', 745],
  ['30 2 * * 1-5', 80],
])('a backup by %j may be overdue after %j hours', (schedule, overdueHours) => {
  const backup = { ...BACKUP, schedule, overdueHours };
  expect(() => withBackup(backup)).not.toThrow();
});

it('a restore without a bucket is refused by name', () => {
  expect(() => withBackup(undefined as never, { serverName: 'before' })).toThrow(
    'servers.postgres.restoreFrom: needs servers.postgres.backup',
  );
});
