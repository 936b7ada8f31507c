/**
 * What an environment may say. Everything else about the manifests is the same everywhere.
 * Unknown keys and settings that contradict each other are refused with a sentence that names them.
 */
import { z } from 'zod';
import { TASKS_TOPIC } from '../../services/task/resources.ts';
import { DEFAULT_OVERDUE_HOURS, overdueHoursFault } from './backup-age.ts';
import { connectionsInWords, connectionsNeeded } from './connections.ts';
import { annotations, labels, OWN_LABELS, OWN_VARIABLES, POD_OWNERS, podSettings } from './pods.ts';
import { isTaken, MEMORY_SETTINGS, MEMORY_SIZE, mustBe, type MemorySetting } from './postgres-memory.ts';

const dnsLabel = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, {
  error: 'must be a DNS label: lower-case letters, digits and hyphens, 63 characters at most',
});
const host = z
  .string()
  .max(253)
  .regex(/^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, {
    error: 'must be a host name such as tasks.example.com, without scheme, port or path',
  });
const storageClass = z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, {
  error: 'must be the name of a StorageClass such as gp3',
});
const cpu = z.string().regex(/^\d+(\.\d+)?m?$/, { error: 'must be a number of cores such as 250m or 2' });
const size = z.string().regex(/^\d+(\.\d+)?(Ki|Mi|Gi|Ti)$/, { error: 'must be a size such as 512Mi or 10Gi' });
const image = z.string().regex(/^[a-z0-9][-a-z0-9._/:]*?(:[\w][\w.-]{0,127}|@sha256:[a-f0-9]{64})$/, {
  error: 'must be an image with a tag or a digest, such as registry.example.com/taskstream/api:1.2.3',
});
const count = (min: number, max = 1_000) =>
  z
    .int({ error: 'must be a whole number' })
    .min(min, { error: `must be at least ${min}` })
    .max(max, { error: `must not be above ${max}` });

const schedule = z.string().regex(/^[-\d*,/]+( [-\d*,/A-Za-z]+){4}$/, {
  error: 'must be a cron expression of five fields such as "15 3 * * *", in UTC',
});

const version = z.string().regex(/^\d+\.\d+\.\d+$/, { error: 'must be a version such as 9.2.0' });

const resources = z.strictObject({
  cpuRequest: cpu,
  cpuLimit: cpu.optional().describe('Left out where throttling would cost more than a noisy neighbour.'),
  memory: size,
});
/** docs/storage.md has what each volume holds, and what its loss means. */
const volume = z.strictObject({
  size: size.describe('Of each volume. It may grow, where the storage class allows expansion, and never shrink.'),
  storageClass: storageClass
    .describe("The cluster's default when left out. It cannot be changed for volumes that are there.")
    .optional(),
});

const nodePool = z.strictObject({
  name: dnsLabel,
  roles: z.array(z.enum(['controller', 'broker'])).min(1, { error: 'must have at least one role' }),
  replicas: count(1, 99),
  volume,
  resources,
});

const operatedKafka = z.strictObject({
  kind: z.literal('operated'),
  version: version.describe('Of Kafka; the operator must know it. docs/server-upgrades.md'),
  metadataVersion: z
    .string()
    .regex(/^\d+\.\d+(-IV\d+)?$/, { error: 'must be a version of metadata such as 4.3-IV0' })
    .describe('Raised after an upgrade that is to stay: it cannot be lowered again.'),
  nodePools: z.array(nodePool).min(1),
  entityOperator: resources,
  cruiseControl: resources
    .optional()
    .describe(
      'Resources of Cruise Control, which moves partitions to brokers that are added, and off those that go. None when left out. docs/runbooks/scale-brokers.md',
    ),
});
const exporter = z
  .strictObject({
    image: image.describe('Of elasticsearch_exporter; docs/operators.md has the version that is meant.'),
    resources,
  })
  .describe(
    'A pod that asks Elasticsearch for its figures, for Prometheus, as a user of its own. None when left out, and the alerts about them are silent. docs/chart.md',
  );
const operatedElasticsearch = z.strictObject({
  kind: z.literal('operated'),
  version,
  nodes: count(1, 99),
  volume,
  resources,
  exporter: exporter.optional(),
  allowMmap: z
    .boolean()
    .describe('Memory-mapped files need a kernel setting (`vm.max_map_count`) that kind nodes may lack.'),
});
const memorySize = (setting: MemorySetting, what: string) => {
  const { parameter, least, most } = setting;
  const error = mustBe(setting);
  return (
    z
      .string()
      .regex(MEMORY_SIZE, { error })
      // A JSON schema has no words for it: the chart's rules say the same.
      .refine((size) => !MEMORY_SIZE.test(size) || isTaken(size, setting), { error })
      .describe(`\`${parameter}\`: ${what} From ${least} to ${most}.`)
  );
};
const serverName = z.string().regex(/^[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/, {
  error: 'must be the name of a folder such as taskstream-db',
});

const hostPort = String.raw`([-a-zA-Z0-9.]+|\[[\da-fA-F:.]+\]):\d{1,5}`;
const cidr = z.union([z.cidrv4(), z.cidrv6()], { error: 'must be a range of addresses such as 10.20.0.0/16' });
const egress = z
  .strictObject({
    cidrs: z.array(cidr).min(1, { error: 'must have at least one range of addresses' }),
    port: count(1, 65_535),
  })
  .describe('Where our pods may connect to: a NetworkPolicy knows addresses, and no names.');

const backup = z
  .strictObject({
    destinationPath: z
      .string()
      .regex(/^s3:\/\/[a-z0-9][-a-z0-9.]+(\/[^\s]*)?$/, { error: 'must be a bucket such as s3://backups/taskstream' })
      .describe('Bucket and folder, of S3 or what speaks its protocol.'),
    endpointUrl: z
      .url({ protocol: /^https?$/, error: 'must be a URL such as https://objects.example.com' })
      .regex(/^https?:/)
      .optional()
      .describe("Where the bucket is, when it is not Amazon's."),
    caSecret: dnsLabel
      .optional()
      .describe(
        "Secret with the CA of that endpoint's certificate under `ca.crt`; the CAs of the plugin's image when left out.",
      ),
    checksums: z
      .enum(['when_required', 'when_supported'])
      .optional()
      .describe(
        "`AWS_REQUEST_CHECKSUM_CALCULATION` and `AWS_RESPONSE_CHECKSUM_VALIDATION` of the plugin's container: when_required for stores that refuse the checksums of newer S3 clients, which are sent when it is left out.",
      ),
    secret: dnsLabel.describe('Secret with the keys `access-key-id` and `secret-access-key`.'),
    schedule: schedule.describe('When a whole backup is made, beside the log, which is archived all the time: in UTC.'),
    overdueHours: count(1, 10_000)
      .optional()
      .describe(
        `How old the last whole backup may be before TaskstreamPostgresBackupOverdue calls: more hours than from one to the next by the schedule. ${DEFAULT_OVERDUE_HOURS} when left out, which is for a schedule that runs every day.`,
      ),
    retention: z
      .string()
      .regex(/^[1-9]\d*[dwm]$/, { error: 'must be a number of days, weeks or months such as 30d' })
      .describe('How far back a restore may go; what is older is deleted.'),
    serverName: serverName.describe('Folder of this Cluster in the bucket. Another one after each restore.'),
    egress: egress.optional().describe('Where the bucket is, when its port is not 443.'),
    resources,
  })
  .describe(
    'To a bucket, by the plugin Barman Cloud, which the cluster must have. None is made when left out. docs/backup.md',
  );

const restoreFrom = z
  .strictObject({
    serverName: serverName.describe('Folder of the Cluster that was lost, in the bucket of backup.'),
    time: z.iso
      .datetime({ error: 'must be a time in UTC such as 2026-11-24T03:00:00Z' })
      .optional()
      .describe('What was written until then; all that was archived when left out.'),
  })
  .describe('A Cluster that is made begins with this backup; one that is there takes no notice. docs/backup.md');

const operatedPostgres = z.strictObject({
  kind: z.literal('operated'),
  instances: count(1, 9),
  maxConnections: count(20, 10_000).describe(
    '`max_connections` of PostgreSQL: too few for the replicas of the API are refused. Each takes some MiB of memory.',
  ),
  volume,
  walVolume: volume
    .optional()
    .describe(
      'A volume of its own for the write-ahead log of each instance, beside that of the tables. It can be added, and not taken away.',
    ),
  expandInUse: z
    .boolean()
    .describe(
      'Whether volumes grow while they are in use, which their storage class must allow. If not, a larger size is for instances that are made anew.',
    ),
  resources,
  memory: z
    .strictObject({
      sharedBuffers: memorySize(MEMORY_SETTINGS.sharedBuffers, 'a quarter of the memory.'),
      effectiveCacheSize: memorySize(MEMORY_SETTINGS.effectiveCacheSize, 'three quarters of it.'),
      workMem: memorySize(MEMORY_SETTINGS.workMem, 'of one sort, of which each connection may do some at once.'),
      maintenanceWorkMem: memorySize(MEMORY_SETTINGS.maintenanceWorkMem, 'of a new index, or a vacuum.'),
    })
    .describe('What PostgreSQL makes of `resources.memory`: change both.'),
  backup: backup.optional(),
  restoreFrom: restoreFrom.optional(),
});

const caOf = (certificate: string) =>
  dnsLabel
    .optional()
    .describe(`Secret with the CA of ${certificate} under \`ca.crt\`; the system's CAs when left out.`);
const caSecret = caOf("the server's certificate");

/** `mTLS` is a client certificate. */
export const KAFKA_LOGINS = ['none', 'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'mTLS', 'OAUTHBEARER'] as const;
export const SEARCH_LOGINS = ['none', 'user', 'apiKey'] as const;

const managedKafka = z.strictObject({
  kind: z.literal('managed'),
  brokers: z
    .string()
    .regex(new RegExp(`^${hostPort}(,${hostPort})*$`), {
      error: 'must be host:port pairs separated by commas, such as b-1.example.com:9093,b-2.example.com:9093',
    })
    .describe('Bootstrap brokers, host:port, comma-separated.'),
  tls: z.boolean(),
  caSecret: dnsLabel
    .optional()
    .describe(
      "Secret with the CA of the brokers' certificates under `ca.crt`, for KEDA too; the services trust each `*.crt` in it, and have all of it in their pods. The system's CAs when left out.",
    ),
  login: z.enum(KAFKA_LOGINS).describe('docs/managed-servers.md has the Secrets that each needs.'),
  oauth: z
    .strictObject({
      tokenUrl: z.url({ protocol: /^https$/, error: 'must be a URL that starts with https://' }),
      scope: z.string().describe('Empty where none is wanted.'),
      extensions: z.string().describe('name=value, comma-separated; empty where none are wanted.'),
      caSecret: caOf("the token endpoint's certificate"),
      egress: egress.describe('Where the token endpoint is, as addresses: our pods may connect there too.'),
    })
    .optional()
    .describe('With login OAUTHBEARER: where tokens are given.'),
  egress,
});
const managedElasticsearch = z.strictObject({
  kind: z.literal('managed'),
  url: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as https://search.example.com:9243' })
    .describe('TLS with https.'),
  caSecret,
  login: z.enum(SEARCH_LOGINS).describe('docs/managed-servers.md has the Secrets that each needs.'),
  egress,
});
const managedPostgres = z.strictObject({
  kind: z.literal('managed'),
  tls: z.enum(['disable', 'verify-full']).describe('verify-full: encrypted, certificate and name checked.'),
  caSecret,
  maxConnections: count(20, 10_000)
    .optional()
    .describe('`max_connections` of PostgreSQL: where it is given, too few for the replicas of the API are refused.'),
  ownerSecret: dnsLabel.describe('Secret with the URL of the database under `uri`, for the user that migrates.'),
  serviceSecret: dnsLabel.describe('The same for the user of everything else; it may be the same Secret.'),
  egress,
});

/** Each server by itself: `operated` by its operator in this namespace, or `managed` by somebody else. */
export const serverSchemas = {
  kafka: { operated: operatedKafka, managed: managedKafka },
  elasticsearch: { operated: operatedElasticsearch, managed: managedElasticsearch },
  postgres: { operated: operatedPostgres, managed: managedPostgres },
};

const login = z
  .strictObject({
    url: z
      .url({ protocol: /^https$/, error: 'must be a URL that starts with https://' })
      .regex(/^https:\/\/[^/?#@\s]+$/, { error: 'must be an origin such as https://tasks.example.com, without a path' })
      .describe('`CONSOLE_URL`: where browsers find the API, without a path.'),
    clientId: z.string().min(1).describe('`CONSOLE_CLIENT_ID`: the console as the issuer knows it.'),
    secret: dnsLabel.describe(
      'Secret with what seals the cookies under `session-keys`, and with that of the client under `client-secret`.',
    ),
  })
  .describe('How administrators log in to the console, where it is served.');

const oidc = z
  .strictObject({
    issuer: z
      .url({ protocol: /^https$/, error: 'must be a URL that starts with https://' })
      .describe('As tokens name it (`iss`).'),
    audience: z.string().min(1).describe('Whom tokens must be for (`aud`): this API, as the issuer knows it.'),
    login: login.optional(),
    egress,
  })
  .describe('With kind oidc: whose tokens are taken.');

const otlp = z
  .strictObject({
    endpoint: z
      .url({ protocol: /^https?$/, error: 'must be a URL such as http://collector.observability:4318' })
      // JSON Schema has no words for the protocol of a URL.
      .regex(/^https?:/)
      .describe('`OTEL_EXPORTER_OTLP_ENDPOINT`: base URL of an OTLP/HTTP collector.'),
    egress: z
      .strictObject({
        namespace: dnsLabel.optional().describe("The collector's, where it runs in this cluster."),
        cidrs: z.array(cidr).min(1).optional().describe('Its addresses, where it runs elsewhere.'),
        port: count(1, 65_535).describe("Of its pods, which may be another than the Service's."),
      })
      .describe('Where API and indexer may connect to, beside their servers.'),
  })
  .describe('Where API and indexer send traces; nowhere when left out.');

const podsOf = (who: string) => labels.optional().describe(`Labels of ${who}.`);
const networkPolicy = z
  .strictObject({
    ingressPods: podsOf('the pods of the ingress controller or Gateway'),
    monitoringPods: podsOf("Prometheus' pods"),
    kedaPods: podsOf("KEDA's pod that asks Kafka, such as app: keda-operator"),
    kafkaOperatorPods: podsOf('the pods of the operator of Kafka'),
    elasticsearchOperatorPods: podsOf('the pods of the operator of Elasticsearch'),
    postgresOperatorPods: podsOf('the pods of the operator of PostgreSQL'),
    apiServerPort: count(1, 65_535)
      .optional()
      .describe("Port of the Kubernetes API's endpoints, where it is neither 443 nor 6443."),
    dnsCidrs: z
      .array(cidr)
      .min(1)
      .optional()
      .describe('Addresses that answer DNS beside the pods of kube-system: 169.254.20.10/32 with NodeLocal DNSCache.'),
  })
  .describe('Whom policies let in by its pods, where its namespace alone is too wide; and what they must let out.');

const httpRoute = z
  .strictObject({
    parentRefs: z
      .array(z.looseObject({ name: dnsLabel }))
      .min(1, { error: 'must have at least one Gateway' })
      .describe('The Gateways, as in Kubernetes: {name, namespace, sectionName}.'),
    annotations: annotations.optional(),
  })
  .describe(
    'With it, a route of the Gateway API stands in place of the Ingress. ingress.host is its host name, and ingress.namespace that of the pods of the Gateway; TLS is the affair of the Gateway.',
  );

const consumer = z.strictObject({
  name: dnsLabel
    .max(40)
    .describe('Its user is taskstream-consumer-NAME, and its groups begin with consumer.NAME. (with the dot).'),
  namespace: dnsLabel.describe('Where its pods run; those with the label taskstream-consumer=NAME reach the brokers.'),
  topics: z.array(z.enum([TASKS_TOPIC])).min(1, { error: 'must name at least one topic' }),
});

/** The settings, each for itself. */
export const settingsSchema = z.strictObject({
  name: dnsLabel,
  namespace: dnsLabel,
  images: z.strictObject({ api: image, indexer: image, pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']) }),
  api: z.strictObject({
    minReplicas: count(1),
    maxReplicas: count(1),
    targetCpuPercent: count(1, 100).describe(
      'Average use of the requested CPU at which replicas are added, in percent.',
    ),
    databasePoolSize: count(2, 200).describe('`DATABASE_POOL_SIZE` of a replica: half for reads, half for writes.'),
    relayLanes: count(1, 16).describe(
      '`RELAY_LANES`: how many replicas publish changes at once, each a share of the tasks. More than there are replicas does no harm, and no good.',
    ),
    rateLimitPerMinute: count(1, 10_000_000)
      .optional()
      .describe(
        '`RATE_LIMIT_PER_MINUTE`: most requests a minute from one client, in each replica; no limit when left out.',
      ),
    corsOrigins: z
      .string()
      .min(1)
      .optional()
      .describe('`CORS_ORIGINS`: origins whose pages may call the API, comma-separated, or `*`; none when left out.'),
    resources,
    ...podSettings,
  }),
  service: z
    .strictObject({ annotations: annotations.optional(), labels: labels.optional() })
    .describe("The API's Service."),
  ingress: z.strictObject({
    host,
    className: dnsLabel,
    namespace: dnsLabel.describe(
      'Namespace of the ingress controller: the only one that may call the API from outside.',
    ),
    tlsSecret: dnsLabel.optional().describe('Secret with the certificate; without it the ingress serves plain HTTP.'),
    annotations: annotations.optional().describe('Such as cert-manager.io/cluster-issuer.'),
  }),
  httpRoute: httpRoute.optional(),
  indexer: z.strictObject({
    minReplicas: count(0).describe('0 lets the indexer sleep while the topic is quiet.'),
    lagThreshold: count(1, 10_000_000).describe('Events of lag that one replica is meant to have.'),
    pollingSeconds: count(1, 3_600),
    scaleDownStabilizationSeconds: count(0, 3_600),
    groupProtocol: z
      .enum(['classic', 'consumer'])
      .describe(
        '`GROUP_PROTOCOL`: consumer moves partitions without a pause of all; a Kafka before 4.0 has classic only.',
      ),
    resources,
    ...podSettings,
  }),
  jobs: z.strictObject(podSettings).describe('All Jobs and CronJobs: migrate, secrets, verify, reindex.'),
  topic: z.strictObject({
    partitions: count(1).describe('Also the most indexers that can work: a partition has one reader.'),
    replicas: count(1, 9),
    minInsyncReplicas: count(1, 9),
  }),
  verify: z.strictObject({
    schedule: schedule.describe('When the index is compared with PostgreSQL: a cron expression, in UTC.'),
    suspend: z
      .boolean()
      .describe('Whether it runs only when asked: `kubectl create job --from=cronjob/taskstream-verify NAME`.'),
    resources,
  }),
  index: z
    .strictObject({
      shards: count(1).describe('One for each 30 GB of index, or for each node where indexing is the limit.'),
      replicas: count(0, 9).describe('Copies beside the first: as many nodes or zones may be lost at once.'),
    })
    .describe('Of an index that is made: a change needs `ops reindex`. docs/storage.md has advice.'),
  zoneLabel: z
    .string()
    .regex(/^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/, {
      error: 'must be the name of a label such as topology.kubernetes.io/zone',
    })
    .optional()
    .describe(
      'Label of nodes that names their zone. Servers with operators spread over the zones, and run on nodes that have it only. Left out: a cluster without zones.',
    ),
  servers: z.strictObject({
    kafka: z.discriminatedUnion('kind', [operatedKafka, managedKafka]),
    elasticsearch: z.discriminatedUnion('kind', [operatedElasticsearch, managedElasticsearch]),
    postgres: z.discriminatedUnion('kind', [operatedPostgres, managedPostgres]),
  }),
  consumers: z
    .array(consumer)
    .describe(
      'Other teams that read events (docs/consumers.md), each as {name, namespace, topics}. With a managed Kafka: give them rights there.',
    ),
  auth: z
    .strictObject({
      kind: z
        .enum(['oidc', 'none'], {
          error: 'must be oidc, or none where everybody who reaches the API may do everything',
        })
        .describe(
          'Who may call the API: whoever brings an access token (oidc), or everybody (none). docs/authentication.md',
        ),
      oidc: oidc.optional(),
    })
    .describe(
      'There is no default: without a login, everybody who reaches the ingress reads, changes and deletes all.',
    ),
  otlp: otlp.optional(),
  console: z
    .boolean()
    .describe(
      'Whether the API serves its console. Without auth.oidc.login, anyone who reaches the ingress can see and change all tasks.',
    ),
  monitoring: z
    .boolean()
    .describe(
      'Whether the Prometheus operator is there, and PodMonitors, alerts and the Grafana dashboard are wanted.',
    ),
  runbooksUrl: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as https://git.example.com/taskstream/docs/runbooks' })
    .refine((url) => !url.endsWith('/'), { error: 'must not end with a slash' })
    .describe('Where docs/runbooks can be read: alerts and panels link to its pages.'),
  monitoringNamespace: dnsLabel.describe('Namespace of Prometheus.'),
  networkPolicy,
  kedaNamespace: dnsLabel,
  operatorsNamespace: dnsLabel.describe('Namespace of the operators of Kafka, Elasticsearch and PostgreSQL.'),
});

export const environmentSchema = settingsSchema.superRefine((environment, context) => {
  const refuse = (path: string, message: string) => {
    context.addIssue({ code: 'custom', path: path.split('.'), message });
  };
  const { api, indexer, topic, index, servers } = environment;
  if (api.minReplicas > api.maxReplicas) {
    refuse('api.minReplicas', `must not be above api.maxReplicas, which is ${api.maxReplicas}`);
  }
  if (indexer.minReplicas > topic.partitions) {
    refuse('indexer.minReplicas', `must not be above topic.partitions, which is ${topic.partitions}`);
  }
  if (topic.minInsyncReplicas > topic.replicas) {
    refuse('topic.minInsyncReplicas', `must not be above topic.replicas, which is ${topic.replicas}`);
  }
  if (topic.replicas > 1 && topic.minInsyncReplicas === topic.replicas) {
    refuse('topic.minInsyncReplicas', `must be below topic.replicas, or no broker of ${TASKS_TOPIC} may ever restart`);
  }
  for (const [index, { name }] of environment.consumers.entries()) {
    if (environment.consumers.findIndex((other) => other.name === name) < index) {
      refuse(`consumers.${index}.name`, `must be the only consumer of that name, which is ${name}`);
    }
  }
  const { auth, console } = environment;
  if ((auth.kind === 'oidc') !== (auth.oidc !== undefined)) {
    refuse('auth.oidc', 'must be given with auth.kind oidc, and with no other');
  }
  if (auth.kind === 'oidc' && console && auth.oidc?.login === undefined) {
    refuse('console', 'must be false with auth.kind oidc, unless auth.oidc.login says how people log in');
  }
  for (const owner of POD_OWNERS) {
    const { env = [], podLabels = {} } = environment[owner];
    for (const { name } of env) {
      if (includes(OWN_VARIABLES, name)) refuse(`${owner}.env`, `must not name ${name}, which the product sets`);
    }
    refuseLabels(podLabels, `${owner}.podLabels`, refuse);
  }
  refuseLabels(environment.service.labels ?? {}, 'service.labels', refuse);
  const { otlp } = environment;
  if (otlp !== undefined && otlp.egress.namespace === undefined && otlp.egress.cidrs === undefined) {
    refuse('otlp.egress', 'must have a namespace, or cidrs');
  }
  const needed = connectionsNeeded(api);
  const { kafka, elasticsearch, postgres } = servers;
  if ((postgres.maxConnections ?? needed) < needed) {
    const words = connectionsInWords(api);
    refuse('servers.postgres.maxConnections', `must be at least ${needed}: ${words}`);
  }
  if (postgres.kind === 'operated' && postgres.backup !== undefined) refuseBackup(postgres.backup, refuse);
  if (postgres.kind === 'operated' && postgres.restoreFrom !== undefined) {
    if (postgres.backup === undefined) refuse('servers.postgres.restoreFrom', 'needs servers.postgres.backup');
    if (postgres.backup?.serverName === postgres.restoreFrom.serverName) {
      refuse(
        'servers.postgres.backup.serverName',
        'must be another than restoreFrom.serverName, whose log is not its own',
      );
    }
  }
  if (kafka.kind === 'managed') refuseKafka(kafka, refuse);
  else {
    const replicasOf = (role: 'broker' | 'controller') =>
      kafka.nodePools.filter(({ roles }) => roles.includes(role)).reduce((sum, pool) => sum + pool.replicas, 0);
    if (topic.replicas > replicasOf('broker')) {
      refuse('topic.replicas', `must not be above the number of brokers, which is ${replicasOf('broker')}`);
    }
    if (replicasOf('controller') % 2 === 0) {
      refuse('servers.kafka.nodePools', `must have an odd number of controllers, not ${replicasOf('controller')}`);
    }
    // Strimzi would refuse the whole Kafka.
    if (kafka.cruiseControl !== undefined && replicasOf('broker') < 2) {
      refuse('servers.kafka.cruiseControl', 'needs two brokers or more');
    }
  }
  if (elasticsearch.kind === 'operated' && index.replicas >= elasticsearch.nodes) {
    refuse('index.replicas', `must be below the number of nodes, which is ${elasticsearch.nodes}`);
  }
  if (elasticsearch.kind === 'operated' && elasticsearch.exporter !== undefined && !environment.monitoring) {
    refuse('servers.elasticsearch.exporter', 'is of no use without monitoring');
  }
  if (elasticsearch.kind === 'managed' && elasticsearch.caSecret !== undefined && !/^https:/.test(elasticsearch.url)) {
    refuse('servers.elasticsearch.caSecret', 'is of no use without https in servers.elasticsearch.url');
  }
  if (postgres.kind === 'managed' && postgres.caSecret !== undefined && postgres.tls === 'disable') {
    refuse('servers.postgres.caSecret', 'is of no use without servers.postgres.tls');
  }
});

type Refuse = (path: string, message: string) => void;

const includes = (words: readonly string[], word: string): boolean => words.includes(word);

const refuseLabels = (given: Readonly<Record<string, string>>, path: string, refuse: Refuse): void => {
  for (const label of Object.keys(given)) {
    if (includes(OWN_LABELS, label)) refuse(path, `must not name ${label}, by which the product finds its pods`);
  }
};

const refuseBackup = ({ schedule, overdueHours, endpointUrl = '', caSecret: ca }: Backup, refuse: Refuse): void => {
  const fault = overdueHoursFault(schedule, overdueHours);
  if (fault !== undefined) refuse('servers.postgres.backup.overdueHours', fault);
  if (ca !== undefined && !/^https:/.test(endpointUrl)) {
    refuse('servers.postgres.backup.caSecret', 'is of no use without https in servers.postgres.backup.endpointUrl');
  }
};

const refuseKafka = ({ tls, caSecret: ca, login, oauth }: ManagedKafka, refuse: Refuse): void => {
  if (!tls && ca !== undefined) refuse('servers.kafka.caSecret', 'is of no use without servers.kafka.tls');
  // A password or a token goes over the wire as it is, and a client certificate not at all.
  if (!tls && ['PLAIN', 'mTLS', 'OAUTHBEARER'].includes(login)) {
    refuse('servers.kafka.tls', `must be true with the login ${login}`);
  }
  if ((login === 'OAUTHBEARER') !== (oauth !== undefined)) {
    refuse('servers.kafka.oauth', 'must be given with the login OAUTHBEARER, and with no other');
  }
};

export type Environment = z.infer<typeof environmentSchema>;
export type OperatedKafka = z.infer<typeof operatedKafka>;
export type OperatedElasticsearch = z.infer<typeof operatedElasticsearch>;
export type OperatedPostgres = z.infer<typeof operatedPostgres>;
export type ManagedKafka = z.infer<typeof managedKafka>;
export type ManagedElasticsearch = z.infer<typeof managedElasticsearch>;
export type ManagedPostgres = z.infer<typeof managedPostgres>;
export type Resources = z.infer<typeof resources>;
export type ConsumerSettings = z.infer<typeof consumer>;
export type NetworkPolicySettings = z.infer<typeof networkPolicy>;
export type Backup = z.infer<typeof backup>;
export type RestoreFrom = z.infer<typeof restoreFrom>;
export type Volume = z.infer<typeof volume>;
export type NodePool = z.infer<typeof nodePool>;

/** Settings that are refused, each with its name. */
export class InvalidEnvironment extends Error {
  override readonly name = 'InvalidEnvironment';
}

/** @throws InvalidEnvironment with every fault, one a line */
export const parseEnvironment = (input: unknown): Environment => {
  const result = environmentSchema.safeParse(input);
  if (result.success) return result.data;
  const faults = result.error.issues.map(
    ({ path, message }) => `  ${[...path.map(String)].join('.') || 'environment'}: ${message}`,
  );
  throw new InvalidEnvironment(`These settings cannot be used:\n${faults.join('\n')}`);
};
