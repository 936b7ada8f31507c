/** Environments that set everything that may be added to pods, Service and routes; a test says that nothing is missing. */
import { environmentOf } from '../../infra/environments/index.ts';
import type { PodSettings } from '../../infra/environments/pods.ts';
import { parseEnvironment, type Environment } from '../../infra/environments/schema.ts';

/** Each owner has other words, so that none is taken for another. */
export const podSettingsOf = (owner: string): Required<PodSettings> => ({
  env: [
    { name: 'PLAIN', value: `${owner} says "<&>" and {{ nothing }}` },
    { name: 'NUMBER_LIKE', value: '1000000' },
    { name: 'SECRET', valueFrom: { secretKeyRef: { name: `${owner}-secret`, key: 'key', optional: true } } },
    { name: 'CONFIG', valueFrom: { configMapKeyRef: { name: `${owner}-config`, key: 'key' } } },
    { name: 'NODE_IP', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } },
  ],
  envFrom: [
    { secretRef: { name: `${owner}-all` } },
    { prefix: 'X_', configMapRef: { name: 'shared', optional: true } },
  ],
  podAnnotations: { 'example.com/owner': owner, 'sidecar.istio.io/inject': 'false' },
  podLabels: { team: owner, 'example.com/cost-centre': '4711' },
  imagePullSecrets: [{ name: 'registry' }, { name: `${owner}-registry` }],
  nodeSelector: { 'kubernetes.io/arch': 'arm64', pool: owner },
  tolerations: [
    { key: 'dedicated', operator: 'Equal', value: owner, effect: 'NoSchedule' },
    { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1_000_000 },
  ],
  affinity: {
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 1,
          podAffinityTerm: {
            topologyKey: 'kubernetes.io/hostname',
            labelSelector: { matchLabels: { team: owner } },
            // Of Kubernetes 1.29: the library that serialises knows 1.27.
            matchLabelKeys: ['pod-template-hash'],
          },
        },
      ],
    },
  },
  volumes: [
    { name: 'scratch', emptyDir: { sizeLimit: '64Mi' } },
    { name: `${owner}-files`, configMap: { name: 'files' } },
  ],
  volumeMounts: [
    { name: 'scratch', mountPath: '/tmp' },
    { name: `${owner}-files`, mountPath: '/etc/files', readOnly: true, recursiveReadOnly: 'IfPossible' },
  ],
  priorityClassName: `${owner}-first`,
  logLevel: 'warn',
});

export const POLICY: Required<Environment['networkPolicy']> = {
  ingressPods: { 'app.kubernetes.io/name': 'traefik', tier: 'edge' },
  monitoringPods: { 'app.kubernetes.io/name': 'prometheus' },
  kedaPods: { app: 'keda-operator' },
  kafkaOperatorPods: { name: 'strimzi-cluster-operator' },
  elasticsearchOperatorPods: { 'control-plane': 'elastic-operator' },
  postgresOperatorPods: { 'app.kubernetes.io/name': 'cloudnative-pg' },
  apiServerPort: 16_443,
  dnsCidrs: ['169.254.20.10/32', 'fd00:53::/64'],
};

const addedTo = (name: string): Environment => {
  const environment = environmentOf(name);
  const { api, indexer, jobs, ingress } = environment;
  return parseEnvironment({
    ...environment,
    api: {
      ...api,
      ...podSettingsOf('api'),
      rateLimitPerMinute: 1_000_000,
      corsOrigins: 'https://a.example.com,https://b.example.com',
    },
    indexer: { ...indexer, ...podSettingsOf('indexer') },
    jobs: { ...jobs, ...podSettingsOf('jobs') },
    service: {
      annotations: { 'service.beta.kubernetes.io/azure-load-balancer-internal': 'true' },
      labels: { team: 'edge' },
    },
    ingress: { ...ingress, annotations: { 'cert-manager.io/cluster-issuer': 'letsencrypt' } },
    networkPolicy: POLICY,
    otlp: {
      endpoint: 'http://collector.observability:4318',
      egress: { namespace: 'observability', cidrs: ['10.9.0.0/16', 'fd00:9::/64'], port: 4_318 },
    },
  });
};

const changed = (name: string, changes: Partial<Environment>): Environment =>
  parseEnvironment({ ...environmentOf(name), ...changes });

export const HTTP_ROUTE = {
  parentRefs: [{ name: 'edge', namespace: 'gateways', sectionName: 'https', port: 443 }, { name: 'inside' }],
  annotations: { 'external-dns.alpha.kubernetes.io/ttl': '60' },
};

const { auth } = environmentOf('production');
export const LOGIN = { url: 'https://tasks.example.com', clientId: 'console', secret: 'taskstream-console' };

/** Production with a console that asks who is there. */
export const CONSOLE_WITH_LOGIN: Environment = parseEnvironment({
  ...environmentOf('production'),
  console: true,
  auth: { ...auth, oidc: { ...auth.oidc, login: LOGIN } },
});

export const EVERYTHING_ADDED = addedTo('production');

const { indexer } = environmentOf('lab');

/** By a name that says what is added. */
export const ADDITIONS: readonly [name: string, environment: Environment][] = [
  ['everything that may be added', EVERYTHING_ADDED],
  [
    'everything that may be added, and a route of the Gateway API',
    parseEnvironment({ ...EVERYTHING_ADDED, httpRoute: HTTP_ROUTE }),
  ],
  ['everything that may be added, beside servers elsewhere', addedTo('lab')],
  ['a console with a login', CONSOLE_WITH_LOGIN],
  ['a login of a console that is off', { ...CONSOLE_WITH_LOGIN, console: false }],
  ['a route of the Gateway API only', changed('local', { httpRoute: { parentRefs: HTTP_ROUTE.parentRefs } })],
  [
    'a collector in this cluster',
    changed('local', { otlp: { endpoint: 'http://otel.example:4318', egress: { namespace: 'otel', port: 4_318 } } }),
  ],
  [
    'a collector elsewhere',
    changed('lab', { otlp: { endpoint: 'https://otel.example.com', egress: { cidrs: ['192.0.2.7/32'], port: 443 } } }),
  ],
  ...Object.entries(POLICY).map(([setting, value]): [string, Environment] => [
    `${setting} of policies only`,
    changed('production', { networkPolicy: { [setting]: value } }),
  ]),
  // Each by itself, where nothing of the servers needs a volume.
  ...Object.entries(podSettingsOf('one')).map(([setting, value]): [string, Environment] => [
    `${setting} of Jobs and of the indexer only`,
    changed('lab', { jobs: { [setting]: value }, indexer: { ...indexer, [setting]: value } }),
  ]),
];
