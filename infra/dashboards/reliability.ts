/** Whether what must never happen happens. */
import { rate, series, warnAt, type Row } from './panel.ts';

const SECONDS_A_DAY = 24 * 60 * 60;

export const reliability: Row = {
  title: 'Reliability',
  panels: [
    {
      title: 'Dead letters',
      description: 'Events a second that can never be indexed, by reason. Should be none.',
      kind: 'timeseries',
      unit: 'ops',
      runbook: 'poison-flood',
      queries: [{ expr: `sum by (reason) (${rate('taskstream_indexer_dead_letters_total')})`, legend: '{{reason}}' }],
    },
    {
      title: 'Drift that the last comparison found',
      description: 'Documents that differ from the database, by kind. Should be none.',
      kind: 'stat',
      unit: 'short',
      thresholds: [{ value: 1, colour: 'red' }],
      runbook: 'verify-drift',
      queries: [
        { expr: `max by (entity, kind) (${series('taskstream_verify_drift')})`, legend: '{{entity}}: {{kind}}' },
        { expr: `max by (entity) (${series('taskstream_verify_undecided')})`, legend: '{{entity}}: undecided' },
      ],
    },
    {
      title: 'Last comparison',
      description: 'How long ago `ops verify` ended. It runs every night.',
      kind: 'stat',
      unit: 's',
      thresholds: warnAt(1.2 * SECONDS_A_DAY, 1.5 * SECONDS_A_DAY),
      runbook: 'verify-drift',
      queries: [
        {
          expr: `time() - (max by (entity) (${series('taskstream_verify_last_run_timestamp_seconds')}) > 0)`,
          legend: '{{entity}}',
        },
      ],
    },
    {
      title: 'Certificates end in',
      description: 'Of the certificate files that the services have loaded.',
      kind: 'stat',
      unit: 's',
      base: 'red',
      thresholds: [
        { value: 14 * SECONDS_A_DAY, colour: 'yellow' },
        { value: 30 * SECONDS_A_DAY, colour: 'green' },
      ],
      runbook: 'certificates-and-secrets',
      queries: [
        {
          expr: `min by (job, file) (${series('taskstream_certificate_expiry_timestamp_seconds')}) - time()`,
          legend: '{{job}} {{file}}',
        },
      ],
    },
    {
      title: 'Pods that do not answer',
      description: 'Scrapes of Prometheus that fail. Should be none.',
      kind: 'stat',
      unit: 'short',
      thresholds: [{ value: 1, colour: 'red' }],
      runbook: 'target-down',
      queries: [{ expr: `count(${series('up')}) - sum(${series('up')})`, legend: 'down' }],
    },
    {
      title: 'Restarts',
      description: 'Of containers within the last hour.',
      kind: 'timeseries',
      unit: 'short',
      runbook: 'target-down',
      queries: [
        {
          expr: `sum by (pod) (increase(${series('kube_pod_container_status_restarts_total')}[1h]))`,
          legend: '{{pod}}',
        },
      ],
    },
  ],
};
