/** For the Prometheus operator and Grafana: what to scrape, when to alert, what to show. */
import { Chart } from 'cdk8s';
import { ConfigMap } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { rulesSpec, type RuleSettings } from '../alerts/index.ts';
import { PARTS, type Part } from '../alerts/rule.ts';
import { CustomResource, PART_OF } from '../constructs/custom-resource.ts';
import { KafkaCluster } from '../constructs/kafka.ts';
import { labelsOf, selectorLabels } from '../constructs/labels.ts';
import { PostgresCluster } from '../constructs/postgres.ts';
import { SingleWorkload } from '../constructs/workload.ts';
import { dashboardJson } from '../dashboards/index.ts';
import type { Environment } from '../environments/schema.ts';
import { API } from './api.ts';
import type { Servers } from './data-plane.ts';
import { INDEXER } from './indexer.ts';

const COMPONENT = 'monitoring';
export const EXPORTER = 'elasticsearch-exporter';
/** The number is the exporter's own. */
export const EXPORTER_PORT = { name: 'metrics', number: 9_114 };
const API_VERSION = 'monitoring.coreos.com/v1';

export class MonitoringChart extends Chart {
  constructor(scope: Construct, id: string, environment: Environment, { exporter }: Servers) {
    const { namespace, runbooksUrl, servers } = environment;
    super(scope, id, { namespace, disableResourceNameHashes: true });
    for (const component of [API, INDEXER]) {
      addPodMonitor(this, component, selectorLabels(component), {
        port: 'health',
        interval: '15s',
        // The alerts select by this label; without it the job would be called namespace/name.
        jobLabel: 'app.kubernetes.io/name',
      });
    }
    if (exporter !== undefined) {
      const { image, args, connection, resources } = exporter;
      new SingleWorkload(this, 'exporter', {
        component: EXPORTER,
        image,
        // Not that of our own images, which a test cluster may never pull.
        pullPolicy: 'IfNotPresent',
        args,
        connections: [connection],
        resources,
        settings: {},
        port: EXPORTER_PORT,
        healthPath: '/healthz',
      });
      addPodMonitor(this, EXPORTER, selectorLabels(EXPORTER), { port: EXPORTER_PORT.name, interval: '30s' });
    }
    // Their labels and ports are the operators' affair.
    for (const [component, { kind }, { podLabels, metricsPort }] of [
      ['kafka', servers.kafka, KafkaCluster],
      ['postgres', servers.postgres, PostgresCluster],
    ] as const) {
      if (kind === 'operated') addPodMonitor(this, component, podLabels, { port: metricsPort.name, interval: '30s' });
    }
    new CustomResource(this, 'rules', {
      apiVersion: API_VERSION,
      kind: 'PrometheusRule',
      name: PART_OF,
      component: COMPONENT,
      spec: rulesSpec({ namespace, runbooksUrl, ...watchedOf(servers) }),
    });
    new ConfigMap(this, 'dashboard', {
      metadata: {
        name: `${PART_OF}-dashboard`,
        // What Grafana's sidecar looks for.
        labels: { ...labelsOf(COMPONENT), grafana_dashboard: '1' },
      },
      data: { [`${PART_OF}.json`]: dashboardJson(runbooksUrl) },
    });
  }
}

/** What the alerts are told of the servers. */
const watchedOf = ({ kafka, elasticsearch, postgres }: Environment['servers']): RuleSettings => {
  const backup = postgres.kind === 'operated' ? postgres.backup : undefined;
  const isRun: Readonly<Record<Part, boolean>> = {
    kafka: kafka.kind === 'operated',
    elasticsearch: elasticsearch.kind === 'operated',
    exporter: elasticsearch.kind === 'operated' && elasticsearch.exporter !== undefined,
    postgres: postgres.kind === 'operated',
    backup: backup !== undefined,
  };
  return {
    parts: PARTS.filter((part) => isRun[part]),
    overdueHours: backup?.overdueHours,
    searchNodes: elasticsearch.kind === 'operated' ? elasticsearch.nodes : undefined,
  };
};

interface MetricsEndpoint {
  /** The port's name in the pod. */
  readonly port: string;
  readonly interval: string;
  /** Label of the pods whose value is the job's name. */
  readonly jobLabel?: string;
}

const addPodMonitor = (
  scope: Construct,
  component: string,
  podLabels: Readonly<Record<string, string>>,
  { port, interval, jobLabel }: MetricsEndpoint,
): void => {
  new CustomResource(scope, component, {
    apiVersion: API_VERSION,
    kind: 'PodMonitor',
    name: `${PART_OF}-${component}`,
    component,
    spec: {
      ...(jobLabel === undefined ? {} : { jobLabel }),
      selector: { matchLabels: podLabels },
      podMetricsEndpoints: [{ port, path: '/metrics', interval }],
    },
  });
};
