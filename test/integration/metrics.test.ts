import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ruleGroups } from '../../infra/alerts/index.ts';
import { isAlert, type Rule } from '../../infra/alerts/rule.ts';
import { DASHBOARD_ROWS } from '../../infra/dashboards/index.ts';
import { parseExposition, type Exposition, type Labels } from '../support/exposition.ts';
import { FOREIGN_METRICS, TARGET_LABELS } from '../support/metric-sources.ts';
import { startObservedPipeline, type ObservedPipeline } from '../support/observed-pipeline.ts';
import { isMatch, parsePromql, type Selector } from '../support/promql.ts';
import { waitFor } from '../support/wait.ts';

const NAMESPACE = 'here';
const rules = ruleGroups(NAMESPACE).flatMap((group) => group.rules);
const recorded = new Map(rules.flatMap((rule) => (isAlert(rule) ? [] : [[rule.record, rule.expr] as const])));
const nameOf = (rule: Rule): string => (isAlert(rule) ? rule.alert : rule.record);

/** Every expression with a name for it, and the labels that texts about its result refer to. */
const expressions = [
  ...rules.map((rule) => ({
    name: nameOf(rule),
    expr: rule.expr,
    texts: isAlert(rule)
      ? [...`${rule.summary} ${rule.description}`.matchAll(/\$labels\.(\w+)/g)].map(([, label]) => String(label))
      : [],
  })),
  ...DASHBOARD_ROWS.flatMap(({ panels }) => panels).flatMap(({ title, queries }) =>
    queries.map(({ expr, legend }) => ({
      name: `${title}: ${legend}`,
      expr: expr.replaceAll('$namespace', NAMESPACE).replaceAll('$__rate_interval', '1m'),
      texts: [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => String(label)),
    })),
  ),
];

let pipeline: ObservedPipeline;
/** Before the first request, and after one of everything. */
let atStart: Exposition;
let atEnd: Exposition;

beforeAll(async () => {
  pipeline = await startObservedPipeline();
  await waitFor(
    'an assignment',
    async () => (await pipeline.indexer.metric('taskstream_indexer_assigned_partitions')) > 0,
  );
  atStart = parseExposition(...(await pipeline.scrape()));
  await pipeline.exercise();
  await waitFor('a lag', async () => (await pipeline.scrape()).join('').includes('taskstream_indexer_lag_events{'));
  atEnd = parseExposition(...(await pipeline.scrape()));
});
afterAll(() => pipeline.close());

/** As Prometheus would label it after a scrape of a pod. */
const asScraped = (labels: Labels): Labels => ({
  ...Object.fromEntries(TARGET_LABELS.map((label) => [label, 'any'])),
  namespace: NAMESPACE,
  ...labels,
});

const labelsOf = (metric: string): ReadonlySet<string> => {
  const foreign = FOREIGN_METRICS[metric];
  const record = recorded.get(metric);
  if (foreign !== undefined) return new Set(foreign);
  if (record !== undefined) return new Set(parsePromql(record).labels);
  return new Set([...TARGET_LABELS, ...(atEnd.get(metric) ?? []).flatMap((labels) => Object.keys(labels))]);
};

/** The series that a selector finds; its values of the status and the job are those of a bad day. */
const found = ({ metric, matchers }: Selector, exposition: Exposition): number =>
  (exposition.get(metric) ?? []).filter((labels) =>
    matchers
      .filter(({ label }) => label !== 'status' && label !== 'job')
      .every((matcher) => isMatch(matcher, asScraped(labels))),
  ).length;

describe.each(expressions)('$name', ({ expr, texts }) => {
  const { selectors, labels } = parsePromql(expr);

  it('asks for metrics that a running service exports, by labels that they have', () => {
    expect(selectors.length).toBeGreaterThan(0);
    for (const selector of selectors) {
      const { metric, matchers } = selector;
      const known = labelsOf(metric);
      for (const { label } of matchers) expect(known, metric).toContain(label);
      if (metric in FOREIGN_METRICS || recorded.has(metric)) continue;
      expect(found(selector, atEnd), `series of ${metric}`).toBeGreaterThan(0);
    }
    const all = new Set(selectors.flatMap(({ metric }) => [...labelsOf(metric)]));
    for (const label of [...labels, ...texts]) expect(all).toContain(label);
  });
});

it('a counter whose first step raises an alarm is there before that step: `increase` does not see a series begin', () => {
  const counters = rules
    .filter(isAlert)
    .map(({ expr }) => parsePromql(expr))
    .filter(({ functions }) => functions.includes('increase'))
    .flatMap(({ selectors }) => selectors)
    .filter(({ metric }) => metric.endsWith('_total') && !(metric in FOREIGN_METRICS))
    // A share of requests, which begins to count with the second of a kind.
    .filter(({ metric }) => metric !== 'taskstream_http_requests_total');
  expect(counters.length).toBeGreaterThan(4);
  for (const selector of counters) expect(found(selector, atStart), JSON.stringify(selector)).toBeGreaterThan(0);
});

it('the allow-list names only metrics that are asked for', () => {
  const asked = new Set(expressions.flatMap(({ expr }) => parsePromql(expr).selectors.map(({ metric }) => metric)));
  for (const metric of Object.keys(FOREIGN_METRICS)) expect(asked).toContain(metric);
});
