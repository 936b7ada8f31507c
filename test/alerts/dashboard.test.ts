import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ruleGroups, rulesSpec } from '../../infra/alerts/index.ts';
import { DASHBOARD_ROWS } from '../../infra/dashboards/index.ts';
import { EXPORTER_METRICS, FOREIGN_METRICS, TARGET_LABELS } from '../support/metric-sources.ts';
import { startObservedPipeline, type ObservedPipeline } from '../support/observed-pipeline.ts';
import { parsePromql } from '../support/promql.ts';
import { waitFor } from '../support/wait.ts';
import { startExporter, type RunningExporter } from './support/exporter.ts';
import { startPrometheus, type PrometheusServer } from './support/server.ts';

const NAMESPACE = 'here';
let pipeline: ObservedPipeline;
let exporter: RunningExporter;
let prometheus: PrometheusServer;

beforeAll(async () => {
  [pipeline, exporter] = await Promise.all([startObservedPipeline(), startExporter(inject('elasticsearchUrl'))]);
  const targets = [
    ...(['api', 'indexer'] as const).map((service) => ({
      address: new URL(pipeline[service].healthUrl).host,
      labels: { job: `taskstream-${service}`, namespace: NAMESPACE, pod: `${service}-0` },
    })),
    {
      address: exporter.address,
      labels: { job: 'exporter', namespace: NAMESPACE, pod: 'exporter-0' },
      // It asks Elasticsearch each time.
      interval: '5s',
    },
  ];
  prometheus = await startPrometheus(
    targets,
    rulesSpec({ namespace: NAMESPACE, runbooksUrl: 'https://runbooks.example.com' }),
  );
  await waitFor('all targets', async () => (await prometheus.query('sum(up) == 3')).length > 0);
  // Rates are of what happens while Prometheus looks.
  for (let i = 0; i < 5; i += 1) await pipeline.exercise();
  await waitFor(
    'rates',
    async () => (await prometheus.query('min(count_over_time(up{job!="exporter"}[20s])) > 12')).length > 0,
  );
});
afterAll(async () => {
  await prometheus.close();
  await exporter.close();
  await pipeline.close();
});

const queries = DASHBOARD_ROWS.flatMap(({ panels }) => panels).flatMap(({ title, queries: own }) =>
  own.map(({ expr, legend }) => ({
    title,
    legend,
    expr: expr.replaceAll('$namespace', NAMESPACE).replaceAll('$__rate_interval', '20s'),
    // Of what did not happen: no request failed here, and nothing was compared.
    mayBeEmpty: expr.includes('status=~"5.."') || expr.includes('taskstream_verify_last_run'),
  })),
);

describe('a real Prometheus that scrapes the real services', () => {
  it.each(queries)('answers the panel "$title" ($legend)', async ({ expr, mayBeEmpty }) => {
    const samples = await prometheus.query(expr);
    const isFinite = ({ value }: (typeof samples)[number]) => Number.isFinite(Number(value[1]));
    const isForeign = parsePromql(expr).selectors.some(
      ({ metric }) => metric !== 'up' && metric in FOREIGN_METRICS && !(metric in EXPORTER_METRICS),
    );
    if (isForeign || mayBeEmpty) return;
    if (samples.some(isFinite)) return;
    // A machine that stood still has left a gap in the rates.
    await waitFor(expr, async () => {
      await pipeline.exercise();
      return (await prometheus.query(expr)).some(isFinite);
    });
  });

  it("finds each series of Elasticsearch's exporter that alerts and panels ask for, with the labels that are meant", async () => {
    const expressions = [...ruleGroups(NAMESPACE).flatMap(({ rules }) => rules), ...queries].map(({ expr }) => expr);
    const asked = expressions
      .flatMap((expr) => parsePromql(expr).selectors)
      .filter(({ metric }) => metric in EXPORTER_METRICS);
    expect(new Set(asked.map(({ metric }) => metric))).toEqual(new Set(Object.keys(EXPORTER_METRICS)));
    for (const { metric, matchers } of asked) {
      const selector = `${metric}{${matchers.map(({ label, operator, value }) => `${label}${operator}"${value}"`).join()}}`;
      const [sample] = await prometheus.query(selector);
      expect(sample, selector).toBeDefined();
      const isTargets = (label: string) => label === '__name__' || (TARGET_LABELS as readonly string[]).includes(label);
      const labels = [Object.keys(sample?.metric ?? {}), EXPORTER_METRICS[metric] ?? []].map((list) =>
        list.filter((label) => !isTargets(label)).sort(),
      );
      expect(labels[0], metric).toEqual(labels[1]);
    }
  });

  it('evaluates every rule without a fault, and none of the alerts about ourselves fires on a healthy pipeline', async () => {
    const states = await waitFor('every rule to be evaluated', async () => {
      const rules = await prometheus.rules();
      return rules.every(({ health }) => health !== 'unknown') && rules;
    });
    expect(states.filter(({ health }) => health !== 'ok')).toEqual([]);
    const active = await prometheus.query('ALERTS{alertstate="firing"}');
    // The poison of the exercise.
    expect(new Set(active.map(({ metric }) => metric['alertname']))).toEqual(new Set(['TaskstreamDeadLetters']));
  });
});
