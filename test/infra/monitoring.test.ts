import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { isAlert, seriesIn } from '../../infra/alerts/rule.ts';
import { ruleGroups } from '../../infra/alerts/index.ts';
import { LagScaler } from '../../infra/constructs/lag-scaler.ts';
import { environmentOf } from '../../infra/environments/index.ts';
import { chartFiles } from '../../infra/helm/chart.ts';
import { parseEnvironment, type Environment } from '../../infra/environments/schema.ts';
import { LEAST_BACKUP, withBackup } from '../support/backup.ts';
import { MANAGED } from '../support/managed-servers.ts';
import { find, manifestsOf, ofKind, podsOf, secretKeysOf, type PodTemplate } from '../support/manifests.ts';
import { EXPORTER_IMAGE, WITH_EXPORTER } from '../support/server-options.ts';

const production = environmentOf('production');
const KINDS = ['PodMonitor', 'PrometheusRule'];
const dashboards = (manifests: ReturnType<typeof manifestsOf>) =>
  ofKind(manifests, 'ConfigMap').filter(({ metadata }) => metadata.labels?.['grafana_dashboard'] === '1');

describe('monitoring', () => {
  it('is there when it is switched on, and leaves no trace when it is off', () => {
    const on = manifestsOf({ ...production, monitoring: true });
    const off = manifestsOf({ ...production, monitoring: false });
    expect(KINDS.map((kind) => ofKind(on, kind).length)).toEqual([4, 1]);
    expect(dashboards(on)).toHaveLength(1);
    expect(KINDS.map((kind) => ofKind(off, kind).length)).toEqual([0, 0]);
    expect(dashboards(off)).toEqual([]);
    expect(JSON.stringify(off)).not.toContain(production.runbooksUrl);
  });

  it('asks only for series of its own namespace, and links to the runbooks of the environment', () => {
    const manifests = manifestsOf({
      ...production,
      namespace: 'elsewhere',
      runbooksUrl: 'https://wiki.example.com/pages',
    });
    const { groups } = find(manifests, 'PrometheusRule', 'taskstream').spec as {
      groups: { rules: { expr: string; alert?: string; annotations?: Record<string, string> }[] }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    for (const { expr } of rules) {
      expect(expr).toContain('namespace="elsewhere"');
      expect(expr).not.toContain('namespace="taskstream"');
    }
    const alerts = rules.filter(({ alert }) => alert !== undefined);
    expect(alerts.length).toBeGreaterThan(20);
    for (const { annotations } of alerts) {
      expect(annotations?.['runbook_url']).toMatch(/^https:\/\/wiki\.example\.com\/pages\/[a-z-]+\.md$/);
    }
    const [dashboard] = dashboards(manifests);
    expect(dashboard?.data?.['taskstream.json']).toContain('https://wiki.example.com/pages/lag-grows.md');
  });

  it('names the jobs and the autoscaler as the manifests do', () => {
    const manifests = manifestsOf(production);
    const own = ofKind(manifests, 'PodMonitor').filter(({ spec }) => spec.jobLabel !== undefined);
    expect(own).toHaveLength(2);
    for (const { metadata, spec } of own) {
      const pod = podsOf(manifests).find(({ name }) => name === metadata.name)?.pod;
      // The value of the label that `jobLabel` names, on the pods that are selected.
      expect(pod?.metadata.labels[String(spec.jobLabel)]).toBe(metadata.name);
      expect(pod?.metadata.labels).toMatchObject(spec.selector.matchLabels);
    }
    expect(LagScaler.autoscaler).toBe(`keda-hpa-${ofKind(manifests, 'ScaledObject')[0]?.metadata.name ?? ''}`);
  });
});

it('brokers and instances are scraped where operators run them, at the ports that those name', () => {
  const monitors = (environment: Parameters<typeof manifestsOf>[0]) =>
    ofKind(manifestsOf(environment), 'PodMonitor')
      .filter(({ spec }) => spec.jobLabel === undefined)
      .map(({ spec }) => [spec.selector.matchLabels, spec.podMetricsEndpoints[0].port] as unknown);
  expect(monitors('production')).toEqual([
    [{ 'strimzi.io/cluster': 'taskstream' }, 'tcp-prometheus'],
    [{ 'cnpg.io/cluster': 'taskstream-db' }, 'metrics'],
  ]);
  expect(monitors({ ...environmentOf('lab'), monitoring: true })).toEqual([]);
  const { metricsConfig } = find(manifestsOf('production'), 'Kafka', 'taskstream').spec.kafka;
  expect(metricsConfig.type).toBe('strimziMetricsReporter');
  expect(find(manifestsOf('local'), 'Kafka', 'taskstream').spec.kafka).not.toHaveProperty('metricsConfig');
});

describe("Elasticsearch's exporter", () => {
  const NAME = 'taskstream-elasticsearch-exporter';
  const manifests = manifestsOf(WITH_EXPORTER);
  const { pod } = podsOf(manifests).find(({ name }) => name === NAME) ?? {};
  const rolesOf = (all: typeof manifests) =>
    parse(find(all, 'Secret', 'taskstream-es-roles').stringData?.['roles.yml'] ?? '') as Record<string, unknown>;

  it('is there where the environment says so, and leaves no trace where it does not', () => {
    const named = (all: typeof manifests) =>
      all.map(({ kind, metadata: { name } }) => `${kind} ${name}`).filter((name) => /exporter/.test(name));
    expect(named(manifestsOf(production))).toEqual([]);
    expect(rolesOf(manifestsOf(production))).not.toHaveProperty('taskstream-exporter');
    expect(named(manifests).sort()).toEqual([
      `Deployment ${NAME}`,
      `NetworkPolicy ${NAME}`,
      `PodMonitor ${NAME}`,
      'Secret taskstream-es-exporter',
      `ServiceAccount ${NAME}`,
    ]);
    expect(() => parseEnvironment({ ...WITH_EXPORTER, monitoring: false })).toThrow('is of no use without monitoring');
  });

  it('is one pod that Pod Security "restricted" takes, with a read-only root and no token', () => {
    expect(find(manifests, 'Deployment', NAME).spec).toMatchObject({ replicas: 1 });
    expect(pod?.spec).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          image: EXPORTER_IMAGE,
          resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { cpu: '200m', memory: '64Mi' } },
          // The image names its user, and the kubelet wants a number.
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65_532,
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    });
  });

  it("logs in as a user of its own, who sees figures and no document, and checks ECK's CA", () => {
    const [container] = pod?.spec.containers ?? [];
    const { args } = container as unknown as { args: readonly string[] };
    expect(args).toContain('--es.uri=https://taskstream-es-http.taskstream.svc:9200');
    const ca = args.find((arg) => arg.startsWith('--es.ca='))?.replace('--es.ca=', '');
    expect(container?.volumeMounts?.map(({ mountPath }) => `${mountPath}/ca.crt`)).toEqual([ca]);
    expect(args.join()).not.toContain('skip-verify');
    const user = find(manifests, 'Secret', 'taskstream-es-exporter');
    expect(container?.env).toContainEqual({ name: 'ES_USERNAME', value: user.stringData?.['username'] });
    expect(secretKeysOf(pod as PodTemplate)).toEqual([
      { name: 'taskstream-es-exporter', key: 'password' },
      { name: 'taskstream-es-http-certs-public', key: 'ca.crt' },
    ]);
    expect(rolesOf(manifests)[user.stringData?.['roles'] ?? '']).toEqual({ cluster: ['monitor'] });
    const { auth } = find(manifests, 'Elasticsearch', 'taskstream').spec;
    expect(auth.fileRealm).toContainEqual({ secretName: 'taskstream-es-exporter' });
    const secrets = podsOf(manifests).find(({ name }) => name.startsWith('taskstream-secrets-'))?.pod.spec.containers;
    expect((secrets?.[0] as unknown as { args: string[] }).args).toContain('taskstream-es-exporter/password');
    expect(find(manifests, 'Role', 'taskstream-secrets')['rules']).toContainEqual(
      expect.objectContaining({ resourceNames: ['taskstream-es-exporter'] }),
    );
  });

  it('is scraped at the port that it has', () => {
    const { selector, podMetricsEndpoints } = find(manifests, 'PodMonitor', NAME).spec;
    expect(pod?.metadata.labels).toMatchObject(selector.matchLabels as object);
    expect(pod?.spec.containers[0]?.ports).toMatchObject([{ name: podMetricsEndpoints[0].port, containerPort: 9_114 }]);
  });
});

describe("alerts about what may be somebody else's affair", () => {
  /** Expressions by the alert's name. */
  const alertsOf = (environment: Environment): ReadonlyMap<string, string> => {
    const { groups } = find(manifestsOf({ ...environment, monitoring: true }), 'PrometheusRule', 'taskstream').spec as {
      groups: { rules: { alert?: string; expr: string }[] }[];
    };
    return new Map(groups.flatMap(({ rules }) => rules).map(({ alert = '', expr }) => [alert, expr]));
  };
  const NOT_WATCHED = ['Kafka', 'Postgres', 'Elasticsearch'].map((server) => `Taskstream${server}NotWatched`);
  const BACKUPS = ['TaskstreamPostgresBackupOverdue', 'TaskstreamPostgresBackupNotMeasured'];

  it.each<[string, readonly string[]]>([
    ['Kafka with none', ['Postgres', 'Elasticsearch']],
    ['PostgreSQL', ['Kafka', 'Elasticsearch']],
    ['Elasticsearch with none', ['Kafka', 'Postgres']],
    ['all three', []],
  ])('are there for the servers that the manifests run, and not with a managed one: %s', (managed, watched) => {
    const [, environment = production] = MANAGED.find(([name]) => name === managed) ?? [];
    const alerts = alertsOf(environment);
    expect(NOT_WATCHED.filter((name) => alerts.has(name))).toEqual(
      watched.map((server) => `Taskstream${server}NotWatched`),
    );
  });

  it('are there for an exporter of Elasticsearch, with the number of nodes that the environment says', () => {
    const NAMES = ['TaskstreamElasticsearchNodeMissing', 'TaskstreamElasticsearchNotMeasured'];
    const [without, alerts] = [production, WITH_EXPORTER].map(alertsOf);
    expect(NAMES.filter((name) => without?.has(name))).toEqual([]);
    expect(NAMES.filter((name) => alerts?.has(name))).toEqual(NAMES);
    expect(alerts?.get('TaskstreamElasticsearchNodeMissing')).toMatch(/ < 3$/);
  });

  it('are there for backups that are made, with the age that the environment says', () => {
    const [without, nightly, weekly] = [
      production,
      withBackup(LEAST_BACKUP),
      withBackup({ ...LEAST_BACKUP, schedule: '30 2 * * SUN', overdueHours: 180 }),
    ].map(alertsOf);
    expect([...(without?.keys() ?? [])]).toEqual(expect.arrayContaining(NOT_WATCHED));
    expect(BACKUPS.filter((name) => without?.has(name))).toEqual([]);
    expect(BACKUPS.filter((name) => nightly?.has(name))).toEqual(BACKUPS);
    expect(nightly?.get('TaskstreamPostgresBackupOverdue')).toMatch(/ > 36 \* 3600$/);
    expect(weekly?.get('TaskstreamPostgresBackupOverdue')).toMatch(/ > 180 \* 3600$/);
  });
});

describe('the alerts', () => {
  const rules = ruleGroups('taskstream').flatMap((group) => group.rules);
  const alerts = rules.filter(isAlert);

  it('have names of their own, a sentence each, and say how much of what', () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    for (const { alert, summary, description } of alerts) {
      expect(alert).toMatch(/^Taskstream[A-Z]\w+$/);
      expect(summary, alert).not.toMatch(/\{\{|\.$/);
      expect(description, alert).toMatch(/\.$/);
    }
    expect(seriesIn('a')('b', 'c="d"')).toBe('b{namespace="a",c="d"}');
  });
});

describe('the dashboard', () => {
  const [configMap] = dashboards(manifestsOf(production));
  const text = configMap?.data?.['taskstream.json'] ?? '{}';
  const { panels, templating } = JSON.parse(text) as {
    panels: {
      id: number;
      type: string;
      title: string;
      gridPos: { x: number; y: number; w: number; h: number };
      targets?: { expr: string }[];
    }[];
    templating: { list: { name: string }[] };
  };

  it('has panels that do not overlap, each with queries for the chosen namespace', () => {
    expect(templating.list.map(({ name }) => name)).toEqual(['datasource', 'namespace']);
    const cells = new Set<string>();
    for (const { gridPos, title } of panels) {
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(cells.has(`${x},${y}`), title).toBe(false);
          cells.add(`${x},${y}`);
          expect(x).toBeLessThan(24);
        }
      }
    }
    const charts = panels.filter(({ type }) => type !== 'row');
    expect(charts.length).toBeGreaterThan(25);
    for (const { targets = [], title } of charts) {
      expect(targets.length, title).toBeGreaterThan(0);
      for (const { expr } of targets) expect(expr, title).toContain('namespace="$namespace"');
    }
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  });

  it('draws the lag itself, and not what KEDA makes of it, which is never 0', () => {
    const lag = panels.find(({ title }) => title === 'Events waiting');
    expect(lag?.targets?.map(({ expr }) => expr).join()).toContain('taskstream_indexer_lag_events');
    for (const { title, targets = [] } of panels) {
      for (const { expr } of targets) {
        expect(expr, title).not.toMatch(/keda_scaler_metrics_value|horizontalpodautoscaler_status_target_metric/);
      }
    }
  });

  it('fits into a ConfigMap with room to spare', () => {
    expect(Buffer.byteLength(text)).toBeLessThan(256 * 1_024);
  });
});

it('the chart keeps the templates of Prometheus and Grafana as text', () => {
  const template = chartFiles().get('templates/monitoring.yaml') ?? '';
  expect(template).toContain('{{ "{{" }} $value');
  expect(template).toContain('{{ "{{" }}partition}}');
  // What is left for Helm refers to its values only.
  const actions = [...template.replaceAll('{{ "{{" }}', '').matchAll(/\{\{-? ?([^}]*)/g)].map(([, action]) => action);
  for (const action of actions) expect(action).toMatch(/^(\$\.(Values|Release)|if |else|end|int64 |toJson |\/\* )/);
});
