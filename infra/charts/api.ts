/** The API: Deployment, Service, Ingress or HTTPRoute, autoscaler by CPU, disruption budget. */
import { Chart } from 'cdk8s';
import {
  HorizontalPodAutoscaler,
  Ingress,
  IngressBackend,
  Metric,
  MetricTarget,
  Secret,
  Service,
} from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { PORTS } from '../../services/task/resources.ts';
import type { EnvSource } from '../constructs/connection.ts';
import { CustomResource } from '../constructs/custom-resource.ts';
import { labelsOf, selectorLabels } from '../constructs/labels.ts';
import { PodDisruptionBudget } from '../constructs/pod-disruption-budget.ts';
import { ServiceWorkload, tracesOf } from '../constructs/workload.ts';
import type { Environment } from '../environments/schema.ts';
import type { Servers } from './data-plane.ts';

export const API = 'api';
const HTTP_PORT = 80;
/** The delay, then requests for as long as their longest statement may take, then the relay. */
const SHUTDOWN_DEADLINE_MS = 32_000;
/** Time for the endpoints of a stopping pod to leave every proxy, on a cluster that is busy with a roll-out too. */
const DRAIN_DELAY_MS = 10_000;

/** How people log in to the console. */
const loginOf = (login: NonNullable<Environment['auth']['oidc']>['login']): Readonly<Record<string, EnvSource>> =>
  login === undefined
    ? {}
    : {
        CONSOLE_URL: { value: login.url },
        CONSOLE_CLIENT_ID: { value: login.clientId },
        CONSOLE_CLIENT_SECRET: { secret: login.secret, key: 'client-secret' },
        CONSOLE_SESSION_KEYS: { secret: login.secret, key: 'session-keys' },
      };

export class ApiChart extends Chart {
  constructor(scope: Construct, id: string, environment: Environment, servers: Servers) {
    super(scope, id, { namespace: environment.namespace, disableResourceNameHashes: true });
    const { images, api, auth, console, otlp } = environment;
    const workload = new ServiceWorkload(this, 'workload', {
      component: API,
      image: images.api,
      pullPolicy: images.pullPolicy,
      connections: [servers.database, servers.kafka('api'), servers.search('api')],
      env: {
        SHUTDOWN_DEADLINE_MS: { value: String(SHUTDOWN_DEADLINE_MS) },
        DATABASE_POOL_SIZE: { value: String(api.databasePoolSize) },
        RELAY_LANES: { value: String(api.relayLanes) },
        DRAIN_DELAY_MS: { value: String(DRAIN_DELAY_MS) },
        // Only the ingress controller reaches the port, and it writes X-Forwarded-For.
        TRUST_PROXY: { value: 'true' },
        AUTH: { value: auth.kind },
        ...(auth.oidc === undefined
          ? {}
          : { AUTH_ISSUER: { value: auth.oidc.issuer }, AUTH_AUDIENCE: { value: auth.oidc.audience } }),
        ...(console ? { CONSOLE: { value: 'true' }, ...loginOf(auth.oidc?.login) } : {}),
        ...(api.rateLimitPerMinute === undefined
          ? {}
          : { RATE_LIMIT_PER_MINUTE: { value: String(api.rateLimitPerMinute) } }),
        ...(api.corsOrigins === undefined ? {} : { CORS_ORIGINS: { value: api.corsOrigins } }),
        ...tracesOf(otlp),
      },
      settings: api,
      resources: api.resources,
      ports: { http: PORTS.api, health: PORTS.apiHealth },
      shutdownDeadlineMs: SHUTDOWN_DEADLINE_MS,
    });
    const metadata = { name: workload.name, labels: labelsOf(API) };
    const service = new Service(this, 'service', {
      metadata: {
        ...metadata,
        annotations: { ...environment.service.annotations },
        labels: { ...environment.service.labels, ...metadata.labels },
      },
      ports: [{ name: 'http', port: HTTP_PORT, targetPort: PORTS.api }],
    });
    for (const [label, value] of Object.entries(selectorLabels(API))) service.selectLabel(label, value);
    this.#route(environment, service);
    new HorizontalPodAutoscaler(this, 'autoscaler', {
      metadata,
      target: workload.deployment,
      minReplicas: api.minReplicas,
      maxReplicas: api.maxReplicas,
      metrics: [Metric.resourceCpu(MetricTarget.averageUtilization(api.targetCpuPercent))],
    });
    new PodDisruptionBudget(this, 'disruption-budget', API);
  }

  /** The way in: an Ingress, or a route of the Gateway API. */
  #route({ ingress, httpRoute }: Environment, service: Service): void {
    const { name } = service;
    if (httpRoute !== undefined) {
      const { parentRefs, annotations = {} } = httpRoute;
      new CustomResource(this, 'route', {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        name,
        component: API,
        annotations,
        spec: {
          parentRefs,
          hostnames: [ingress.host],
          rules: [
            { matches: [{ path: { type: 'PathPrefix', value: '/' } }], backendRefs: [{ name, port: HTTP_PORT }] },
          ],
        },
      });
      return;
    }
    new Ingress(this, 'ingress', {
      metadata: { name, labels: labelsOf(API), annotations: { ...ingress.annotations } },
      className: ingress.className,
      rules: [{ host: ingress.host, path: '/', backend: IngressBackend.fromService(service) }],
      ...(ingress.tlsSecret === undefined
        ? {}
        : {
            tls: [{ hosts: [ingress.host], secret: Secret.fromSecretName(this, 'certificate', ingress.tlsSecret) }],
          }),
    });
  }
}
