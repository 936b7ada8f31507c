/**
 * What runs once before a version serves: passwords that no operator makes, then the schema and the index.
 * Both jobs may run again, and twice at once. A pod that starts before them waits: without its Secret it is not made,
 * without the schema the API is not ready, without the index the indexer retries.
 */
import { Chart } from 'cdk8s';
import { Role, RoleBinding, Secret, ServiceAccount } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { labelsOf } from '../constructs/labels.ts';
import { accountOf, OneShot } from '../constructs/workload.ts';
import type { Environment } from '../environments/schema.ts';
import type { Servers } from './data-plane.ts';

/** The command line in the API's image. */
export const OPS = 'services/ops/main.js';
const RESOURCES = { cpuRequest: '50m', memory: '256Mi' };
/** How long the Job of the migration may take, the time until its servers answer included. */
export const MIGRATE_DEADLINE_SECONDS = 1_800;

export class SetupChart extends Chart {
  constructor(scope: Construct, id: string, environment: Environment, servers: Servers) {
    super(scope, id, { namespace: environment.namespace, disableResourceNameHashes: true });
    const { images, index, jobs } = environment;
    const shared = {
      image: images.api,
      pullPolicy: images.pullPolicy,
      resources: RESOURCES,
      settings: jobs,
      backoffLimit: 6,
    };
    const env = {
      INDEX_SHARDS: { value: String(index.shards) },
      INDEX_REPLICAS: { value: String(index.replicas) },
      // Servers that are being made take minutes; the Job's own deadline is above this one.
      MIGRATE_DEADLINE_MS: { value: String((MIGRATE_DEADLINE_SECONDS - 300) * 1_000) },
    };
    new OneShot(this, 'migrate', {
      ...shared,
      component: 'migrate',
      args: [OPS, 'migrate'],
      connections: [servers.migration, servers.search('ops')],
      env,
      deadlineSeconds: MIGRATE_DEADLINE_SECONDS,
    });
    if (servers.passwords.length > 0) addSecretsJob(this, environment.namespace, shared, servers.passwords);
  }
}

type SharedOptions = Pick<ConstructorParameters<typeof OneShot>[2], 'image' | 'pullPolicy' | 'resources' | 'settings' | 'backoffLimit'>;

const addSecretsJob = (
  scope: Construct,
  namespace: string,
  shared: SharedOptions,
  passwords: Servers['passwords'],
): void => {
  const component = 'secrets';
  new OneShot(scope, 'secrets', {
    ...shared,
    component,
    args: [OPS, 'secrets', ...passwords.map(({ secret, key }) => `${secret}/${key}`)],
    connections: [],
    needsKubernetes: true,
    deadlineSeconds: 600,
  });
  const role = new Role(scope, 'secrets-role', {
    metadata: { name: accountOf(component), labels: labelsOf(component) },
  });
  // These Secrets exist without their passwords; the job may fill them in, and can neither list nor make others.
  for (const { secret } of passwords) {
    role.allow(['get', 'patch'], Secret.fromSecretName(scope, `password-${secret}`, secret));
  }
  const binding = new RoleBinding(scope, 'secrets-binding', {
    role: Role.fromRoleName(scope, 'secrets-role-reference', role.name),
    metadata: { name: accountOf(component), labels: labelsOf(component) },
  });
  binding.addSubjects(ServiceAccount.fromServiceAccountName(scope, 'secrets-subject', accountOf(component), { namespaceName: namespace }));
};
