/** Backups of PostgreSQL. */
import { environmentOf } from '../../infra/environments/index.ts';
import { parseEnvironment, type Backup, type Environment, type RestoreFrom } from '../../infra/environments/schema.ts';

export const LEAST_BACKUP: Backup = {
  destinationPath: 's3://backups/taskstream',
  secret: 'backup-bucket',
  schedule: '30 2 * * *',
  retention: '30d',
  serverName: 'taskstream-db',
  resources: { cpuRequest: '100m', memory: '512Mi' },
};

export const BACKUP: Required<Backup> = {
  ...LEAST_BACKUP,
  endpointUrl: 'https://objects.storage:9000',
  caSecret: 'objects-ca',
  checksums: 'when_required',
  overdueHours: 25,
  egress: { cidrs: ['10.30.0.0/24', 'fd00:30::/64'], port: 9_000 },
  resources: { ...LEAST_BACKUP.resources, cpuLimit: '1' },
};

export const withBackup = (backup: Backup, restoreFrom?: RestoreFrom): Environment => {
  const { servers, ...production } = structuredClone(environmentOf('production'));
  const postgres = { ...servers.postgres, backup, ...(restoreFrom === undefined ? {} : { restoreFrom }) };
  return parseEnvironment({ ...production, servers: { ...servers, postgres } });
};
