import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ruleGroups, runbookUrl } from '../../infra/alerts/index.ts';
import { isAlert, type Alert } from '../../infra/alerts/rule.ts';
import { ALERT_CASES, RECORD_CASES } from './cases/index.ts';
import type { AlertCase, SeriesValues } from './support/case.ts';
import { startPromtool, type Promtool } from './support/promtool.ts';

const OPTIONS = { namespace: 'taskstream', runbooksUrl: 'https://git.example.com/runbooks', searchNodes: 3 };
const rules = ruleGroups(OPTIONS.namespace).flatMap((group) => group.rules);
const alerts = new Map(rules.filter(isAlert).map((alert) => [alert.alert, alert]));

let promtool: Promtool;
beforeAll(async () => {
  promtool = await startPromtool(OPTIONS);
});
afterAll(() => {
  promtool.close();
});

const inputOf = (series: SeriesValues) =>
  // promtool wants some series, even where the point is that there is none.
  Object.entries({ ...series, unrelated: '0x100' }).map(([selector, values]) => ({ series: selector, values }));

const alertOf = (name: string): Alert => {
  const alert = alerts.get(name);
  if (alert === undefined) throw new Error(`there is no alert ${name}`);
  return alert;
};

const expected = ({ severity, summary, runbook }: Alert, { labels, description }: AlertCase['firing']) => ({
  exp_labels: { severity, namespace: OPTIONS.namespace, ...labels },
  exp_annotations: { summary, description, runbook_url: runbookUrl(OPTIONS.runbooksUrl, runbook) },
});

it('promtool finds nothing to complain of', async () => {
  expect(await promtool.check()).toContain(`${rules.length} rules found`);
});

it('every alert and every recorded series has its case', () => {
  expect([...new Set(ALERT_CASES.map(({ alert }) => alert))].sort()).toEqual([...alerts.keys()].sort());
  expect(RECORD_CASES.map(({ record }) => record)).toEqual(
    rules.flatMap((rule) => (isAlert(rule) ? [] : [rule.record])),
  );
});

describe.each(ALERT_CASES)('$alert', ({ alert, interval = '1m', firing, quiet }) => {
  it(`fires with words and values that can be read, and is silent when: ${Object.keys(quiet).join('; ')}`, async () => {
    const situation = (name: string, series: SeriesValues, at: string, exp_alerts: readonly object[]) => ({
      name,
      interval,
      input_series: inputOf(series),
      alert_rule_test: [{ eval_time: at, alertname: alert, exp_alerts }],
    });
    await promtool.test(interval, [
      situation('fires', firing.series, firing.at, [expected(alertOf(alert), firing)]),
      ...Object.entries(quiet).map(([name, { series, at }]) => situation(name, series, at, [])),
    ]);
  });
});

it('a backup is overdue after the hours that the environment says', async () => {
  const hours = 100;
  const weekly = await startPromtool({ ...OPTIONS, overdueHours: hours });
  const overdue = alertOf('TaskstreamPostgresBackupOverdue');
  const lastBackup = `barman_cloud_cloudnative_pg_io_last_available_backup_timestamp{namespace="${OPTIONS.namespace}"}`;
  const at = (eval_time: string, exp_alerts: readonly object[]) => ({
    interval: '1h',
    input_series: inputOf({ [lastBackup]: '0x200' }),
    alert_rule_test: [{ eval_time, alertname: overdue.alert, exp_alerts }],
  });
  try {
    await weekly.test('1h', [
      at(`${hours}h`, []),
      at(`${hours + 2}h`, [
        expected(overdue, {
          series: {},
          at: '',
          description: 'It ended 4d 6h 0m 0s ago; half a century means that there was none.',
        }),
      ]),
    ]);
  } finally {
    weekly.close();
  }
});

describe.each(RECORD_CASES)('$record', ({ record, series, at, values }) => {
  it('has the value that its name promises', async () => {
    const exp_samples = Object.entries(values).map(([labels, value]) => ({ labels, value }));
    await promtool.test('1m', [
      {
        interval: '1m',
        input_series: inputOf(series),
        promql_expr_test: [{ expr: record, eval_time: at, exp_samples }],
      },
    ]);
  });
});
