import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { environmentOf, environments } from '../../infra/environments/index.ts';
import { NO_ADDITIONS, OWN_LABELS, OWN_VARIABLES, POD_OWNERS, podSettings } from '../../infra/environments/pods.ts';
import { parseEnvironment, settingsSchema, type Environment } from '../../infra/environments/schema.ts';
import { chartFiles } from '../../infra/helm/chart.ts';
import { valuesOf } from '../../infra/helm/values.ts';
import { readApiConfig } from '../../services/api/config.ts';
import { ADDITIONS, CONSOLE_WITH_LOGIN, EVERYTHING_ADDED, LOGIN, podSettingsOf, POLICY } from '../support/additions.ts';
import { MANAGED } from '../support/managed-servers.ts';
import {
  find,
  manifestsOf,
  ofKind,
  podsOf,
  variablesOf,
  type Manifest,
  type PodTemplate,
} from '../support/manifests.ts';
import { isAllowed } from '../support/network.ts';

const before = manifestsOf('production');
const after = manifestsOf(EVERYTHING_ADDED);

const componentOf = ({ metadata }: PodTemplate): string => metadata.labels['app.kubernetes.io/component'] ?? '';
interface Pod {
  readonly metadata: { readonly labels: object; readonly annotations?: object };
  readonly spec: Readonly<Record<string, unknown>> & {
    readonly containers: readonly Container[];
    readonly volumes?: readonly object[];
  };
}
type Container = Readonly<Record<string, unknown>> & {
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly volumeMounts?: readonly object[];
};
const podOf = (manifests: readonly Manifest[], component: string): Pod => {
  const found = podsOf(manifests).find(({ pod }) => componentOf(pod) === component);
  if (found === undefined) throw new Error(`there is no pod of ${component}`);
  return found.pod as unknown as Pod;
};
const containerOf = ({ spec: { containers } }: Pod): Container => containers[0] ?? {};

/** Whose settings the pods of a component have. */
const OWNERS: Readonly<Record<string, (typeof POD_OWNERS)[number]>> = {
  api: 'api',
  indexer: 'indexer',
  migrate: 'jobs',
  secrets: 'jobs',
  verify: 'jobs',
  reindex: 'jobs',
};

it('the environment of these tests, and of the comparison with the chart, sets everything that may be added', () => {
  for (const owner of POD_OWNERS) {
    for (const setting of Object.keys(podSettings)) {
      const value = (EVERYTHING_ADDED[owner] as Record<string, unknown>)[setting];
      expect(Object.keys(Object(value)).length, `${owner}.${setting}`).toBeGreaterThan(0);
    }
  }
  const { service, ingress, otlp, networkPolicy } = EVERYTHING_ADDED;
  expect(Object.keys(networkPolicy).sort()).toEqual(Object.keys(settingsSchema.shape.networkPolicy.shape).sort());
  for (const each of [service.annotations, service.labels, ingress.annotations, otlp?.egress.cidrs]) {
    expect(Object.keys(each ?? {}).length).toBeGreaterThan(0);
  }
  expect(ADDITIONS.some(([, { httpRoute }]) => httpRoute?.annotations !== undefined)).toBe(true);
});

it.each(Object.entries(OWNERS))(
  'a pod of %s has what is added, beside all that the product says of it',
  (component, owner) => {
    const { podAnnotations, podLabels, env, envFrom, volumes, volumeMounts, logLevel, ...rest } = podSettingsOf(owner);
    const own = podOf(before, component);
    const container = containerOf(own);
    const variables = (each: Container) => new Map(each.env?.map((variable) => [variable.name, variable]));
    const pod = podOf(after, component);
    expect(pod.metadata).toEqual({ labels: { ...own.metadata.labels, ...podLabels }, annotations: podAnnotations });
    expect(pod.spec).toEqual({
      ...own.spec,
      ...rest,
      volumes: [...(own.spec.volumes ?? []), ...(volumes ?? [])],
      containers: [expect.anything()],
    });
    expect(containerOf(pod)).toEqual({
      ...container,
      env: expect.any(Array) as unknown,
      envFrom,
      volumeMounts: [...(container.volumeMounts ?? []), ...(volumeMounts ?? [])],
    });
    // The settings that have a name of their own are another test's.
    const named = ['CORS_ORIGINS', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'RATE_LIMIT_PER_MINUTE'];
    const found = variables(containerOf(pod));
    for (const name of named) found.delete(name);
    expect([...found.values()]).toEqual([
      ...(container.env ?? []),
      { name: 'LOG_LEVEL', value: logLevel },
      ...(env ?? []),
    ]);
  },
);

it.each(Object.keys(environments))('empty additions change nothing in %s', (name) => {
  const environment = environmentOf(name);
  const { api, service, ingress, indexer, jobs } = valuesOf(environment);
  expect(jobs).toEqual(NO_ADDITIONS);
  const empty: Environment = { ...environment, api, service, ingress, indexer, jobs };
  expect(manifestsOf(empty)).toEqual(manifestsOf(environment));
});

it('a console with a login gets its settings from the environment and its Secret, and is refused without one', () => {
  const variables = (environment: Environment) =>
    new Map(containerOf(podOf(manifestsOf(environment), 'api')).env?.map(({ name, ...rest }) => [name, rest]));
  const found = variables(CONSOLE_WITH_LOGIN);
  const fromSecret = (key: string) => ({ valueFrom: { secretKeyRef: { name: LOGIN.secret, key } } });
  expect(found.get('CONSOLE')).toEqual({ value: 'true' });
  expect(found.get('CONSOLE_URL')).toEqual({ value: LOGIN.url });
  expect(found.get('CONSOLE_CLIENT_ID')).toEqual({ value: LOGIN.clientId });
  expect(found.get('CONSOLE_CLIENT_SECRET')).toEqual(fromSecret('client-secret'));
  expect(found.get('CONSOLE_SESSION_KEYS')).toEqual(fromSecret('session-keys'));
  expect([...variables({ ...CONSOLE_WITH_LOGIN, console: false }).keys()].join()).not.toContain('CONSOLE');
  const { auth } = environmentOf('production');
  expect(() => parseEnvironment({ ...CONSOLE_WITH_LOGIN, auth })).toThrow(
    'unless auth.oidc.login says how people log in',
  );
});

it('the names that are refused are those that the manifests use', () => {
  const all = [
    ...['local', 'lab', 'production'].map((name) => manifestsOf(name)),
    ...[...MANAGED, ...ADDITIONS].map(([, environment]) => manifestsOf(environment)),
  ];
  const added = new Set(podSettingsOf('any').env?.map(({ name }) => name));
  const variables = all
    .flatMap((manifests) => podsOf(manifests).flatMap(({ pod }) => pod.spec.containers.flatMap(({ env = [] }) => env)))
    .flatMap(({ name, value = '' }) =>
      // A login that is given twice, directly and as a file, is refused by the service.
      value.includes('-login/') ? [name, name.replace(/_FILE$/, '')] : [name],
    );
  // The ports are in the code of both sides, and in probes and policies.
  expect([...new Set([...variables, 'PORT', 'HEALTH_PORT'])].filter((name) => !added.has(name)).sort()).toEqual(
    [...OWN_VARIABLES].sort(),
  );
  const selectors = all
    .flat()
    .flatMap(({ kind, spec }) => selectorsIn(kind === 'Service' ? { matchLabels: spec.selector } : spec));
  // Of pods that are not ours.
  const ours = [
    ...['team', 'kubernetes.io/metadata.name', 'taskstream-consumer', 'strimzi.io/pool-name'],
    ...Object.values(POLICY).flatMap((labels) => Object.keys(Object(labels) as object)),
  ];
  for (const label of selectors) if (!ours.includes(label)) expect(OWN_LABELS).toContain(label);
  expect(selectors).toContain('app.kubernetes.io/name');
});

/** Labels that any selector at any depth asks for. */
const selectorsIn = (value: unknown): string[] => {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'matchLabels' ? Object.keys(inner as object) : selectorsIn(inner),
  );
};

it('the API takes limit, origins, level and collector as the manifests say them', () => {
  const env = variablesOf(podOf(after, 'api'));
  expect(readApiConfig(env)).toMatchObject({
    RATE_LIMIT_PER_MINUTE: 1_000_000,
    LOG_LEVEL: 'warn',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.observability:4318',
  });
  expect(env['CORS_ORIGINS']).toBe('https://a.example.com,https://b.example.com');
});

it('API and indexer reach the collector, on its port only, and no Job does', () => {
  const component = (name: string) => ({
    namespace: 'taskstream',
    labels: { 'app.kubernetes.io/name': `taskstream-${name}`, 'app.kubernetes.io/part-of': 'taskstream' },
  });
  const inside = { namespace: 'observability', labels: {} };
  const outside = { namespace: 'elsewhere', labels: {}, address: '10.9.3.4' };
  const [own, policies] = [before, after].map((manifests) => ofKind(manifests, 'NetworkPolicy'));
  for (const collector of [inside, outside]) {
    const reaches = (manifests: readonly Manifest[] | undefined, name: string, port = 4_318) =>
      isAllowed(manifests ?? [], component(name), collector, port);
    for (const name of ['api', 'indexer']) {
      expect([reaches(policies, name), reaches(policies, name, 4_317), reaches(own, name)]).toEqual([
        true,
        false,
        false,
      ]);
    }
    for (const name of ['migrate', 'verify', 'reindex']) expect(reaches(policies, name), name).toBe(false);
  }
});

describe('network policies that name pods', () => {
  const pod = (component: string) => ({
    namespace: 'taskstream',
    labels: { 'app.kubernetes.io/name': `taskstream-${component}`, 'app.kubernetes.io/part-of': 'taskstream' },
  });
  const kafka = { namespace: 'taskstream', labels: { 'strimzi.io/cluster': 'taskstream' } };
  const elasticsearch = {
    namespace: 'taskstream',
    labels: { 'elasticsearch.k8s.elastic.co/cluster-name': 'taskstream' },
  };
  const postgres = { namespace: 'taskstream', labels: { 'cnpg.io/cluster': 'taskstream-db' } };

  // Each in a namespace of its own: what one lets in is not what another lets in.
  it.each([
    ['ingressPods', 'ingress', pod('api'), 9_234],
    ['monitoringPods', 'monitoring', pod('indexer'), 9_236],
    ['kedaPods', 'keda', kafka, 9_093],
    ['kafkaOperatorPods', 'operators', kafka, 9_091],
    ['elasticsearchOperatorPods', 'operators', elasticsearch, 9_200],
    ['postgresOperatorPods', 'operators', postgres, 8_000],
  ] as const)('%s of a namespace are let in, and no others of it', (setting, namespace, to, port) => {
    const { ingress, ...production } = environmentOf('production');
    const policiesOf = (networkPolicy: Environment['networkPolicy']) =>
      ofKind(
        manifestsOf({
          ...production,
          kedaNamespace: 'keda',
          ingress: { ...ingress, namespace: 'ingress' },
          networkPolicy,
        }),
        'NetworkPolicy',
      );
    const named = { namespace, labels: { ...POLICY[setting], more: 'x' } };
    const other = { namespace, labels: { app: 'other' } };
    const reach = (networkPolicy: Environment['networkPolicy']) =>
      [named, other].map((from) => isAllowed(policiesOf(networkPolicy), from, to, port));
    expect(reach({ [setting]: POLICY[setting] })).toEqual([true, false]);
    expect(reach({})).toEqual([true, true]);
    expect(reach({ [setting]: {} })).toEqual([true, true]);
  });

  it('let out to the Kubernetes API and to DNS where the cluster has them, from those that ask only', () => {
    const [own, policies] = [before, after].map((manifests) => ofKind(manifests, 'NetworkPolicy'));
    const server = { namespace: 'elsewhere', labels: {}, address: '203.0.113.7' };
    const dns = { namespace: 'elsewhere', labels: {}, address: '169.254.20.10' };
    for (const from of [pod('secrets'), kafka, postgres]) {
      expect([policies, own].map((each) => isAllowed(each ?? [], from, server, 16_443))).toEqual([true, false]);
    }
    expect(isAllowed(policies ?? [], pod('api'), server, 16_443)).toBe(false);
    for (const from of [pod('api'), pod('verify'), elasticsearch]) {
      expect([policies, own].map((each) => isAllowed(each ?? [], from, dns, 53, 'UDP'))).toEqual([true, false]);
    }
  });
});

describe('the way in', () => {
  it('is an Ingress with its annotations, and a Service with its own', () => {
    expect(find(after, 'Ingress', 'taskstream-api').metadata.annotations).toEqual(EVERYTHING_ADDED.ingress.annotations);
    const { metadata } = find(after, 'Service', 'taskstream-api');
    const own = find(before, 'Service', 'taskstream-api').metadata;
    expect(metadata.annotations).toEqual(EVERYTHING_ADDED.service.annotations);
    expect(metadata.labels).toEqual({ ...own.labels, ...EVERYTHING_ADDED.service.labels });
  });

  it('is a route of the Gateway API in its place where one is given, to the same host, Service and port', () => {
    const httpRoute = { parentRefs: [{ name: 'edge', namespace: 'gateways' }] };
    const manifests = manifestsOf({ ...environmentOf('production'), httpRoute });
    expect(ofKind(manifests, 'Ingress')).toEqual([]);
    const service = find(manifests, 'Service', 'taskstream-api');
    expect(find(manifests, 'HTTPRoute', 'taskstream-api').spec).toEqual({
      ...httpRoute,
      hostnames: ['tasks.example.com'],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/' } }],
          backendRefs: [{ name: service.metadata.name, port: service.spec.ports[0].port }],
        },
      ],
    });
    const others = (each: readonly Manifest[]) => each.filter(({ kind }) => !['Ingress', 'HTTPRoute'].includes(kind));
    expect(others(manifests)).toEqual(others(before));
  });
});

describe('the schema of the values', () => {
  const schema = z.fromJSONSchema(JSON.parse(chartFiles().get('values.schema.json') ?? '') as never);
  const isTaken = (values: unknown): boolean => schema.safeParse(values).success;

  it.each(ADDITIONS)('takes %s', (_, environment) => {
    expect(isTaken(valuesOf(environment))).toBe(true);
  });

  it.each<[string, (values: any) => void]>([
    ['a variable without a name', (v) => (v.jobs.env = [{ value: 'x' }])],
    ['a variable that is a number', (v) => (v.api.env = [{ name: 'X', value: 1 }])],
    ['a source of variables of no kind', (v) => (v.api.envFrom = [{ secret: { name: 'x' } }])],
    ['an annotation that is no text', (v) => (v.indexer.podAnnotations = { scrape: true })],
    ['a label with a space', (v) => (v.api.podLabels = { team: 'two words' })],
    ['a label without a name', (v) => (v.service.labels = { 'example.com/': 'x' })],
    ['a misspelt effect', (v) => (v.indexer.tolerations = [{ effect: 'NoSchedul' }])],
    ['another kind of affinity', (v) => (v.api.affinity = { hostAffinity: {} })],
    ['a volume without a name', (v) => (v.api.volumes = [{ emptyDir: {} }])],
    ['a mount nowhere', (v) => (v.api.volumeMounts = [{ name: 'x' }])],
    ['a name of a pull secret alone', (v) => (v.api.imagePullSecrets = ['registry'])],
    ['a level that is none', (v) => (v.jobs.logLevel = 'loud')],
    ['a route to no Gateway', (v) => (v.httpRoute = { parentRefs: [] })],
    ['a login at an address with a path', (v) => (v.auth.oidc.login = { ...LOGIN, url: 'https://example.com/tasks' })],
    ['a login without TLS', (v) => (v.auth.oidc.login = { ...LOGIN, url: 'http://example.com' })],
    ['a login without a Secret', (v) => (v.auth.oidc.login = { url: LOGIN.url, clientId: LOGIN.clientId })],
    ['a limit of nothing', (v) => (v.api.rateLimitPerMinute = 0)],
    [
      'a collector without a scheme',
      (v) => (v.otlp = { endpoint: 'collector:4318', egress: { namespace: 'x', port: 1 } }),
    ],
    ['a collector that no policy lets through', (v) => (v.otlp = { endpoint: 'http://collector:4318' })],
  ])('refuses %s', (_, edit) => {
    const values = structuredClone(valuesOf(environmentOf('production')));
    expect(isTaken(values)).toBe(true);
    edit(values);
    expect(isTaken(values)).toBe(false);
  });
});
