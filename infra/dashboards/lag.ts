/** What waits in Kafka, and how many indexers read it. */
import { LagScaler } from '../constructs/lag-scaler.ts';
import { rate, series, warnAt, type Row } from './panel.ts';

const AUTOSCALER = `horizontalpodautoscaler="${LagScaler.autoscaler}"`;
const LAG = `sum(max by (partition) (${series('taskstream_indexer_lag_events')}))`;

export const lag: Row = {
  title: 'Kafka lag',
  panels: [
    {
      title: 'Events waiting',
      description:
        "Events between what is committed and the end of the topic. KEDA's figure in the autoscaler is another: it is rounded up to a number of indexers that divides the partitions, and reads one whole threshold at no lag.",
      kind: 'timeseries',
      unit: 'short',
      thresholds: warnAt(1_000, 10_000),
      runbook: 'lag-grows',
      queries: [{ expr: LAG, legend: 'all partitions' }],
    },
    {
      title: 'Time until the lag is gone',
      description: 'At the rate of now, if nothing new came.',
      kind: 'timeseries',
      unit: 's',
      thresholds: warnAt(30, 300),
      runbook: 'lag-grows',
      queries: [{ expr: `${LAG} / sum(${rate('taskstream_indexer_events_total')})`, legend: 'until done' }],
    },
    {
      title: 'Events waiting in each partition',
      description:
        'All partitions should look alike: keys are spread by their hash. One that stands out has a stuck reader.',
      kind: 'timeseries',
      unit: 'short',
      runbook: 'no-progress',
      queries: [
        { expr: `max by (partition) (${series('taskstream_indexer_lag_events')})`, legend: 'partition {{partition}}' },
      ],
    },
    {
      title: 'Indexers, and the most there may be',
      description: 'KEDA adds indexers by lag, up to one for each partition.',
      kind: 'timeseries',
      unit: 'short',
      runbook: 'scale-partitions',
      queries: [
        {
          expr: `max(${series('kube_horizontalpodautoscaler_status_current_replicas', AUTOSCALER)})`,
          legend: 'indexers',
        },
        { expr: `max(${series('kube_horizontalpodautoscaler_spec_max_replicas', AUTOSCALER)})`, legend: 'most' },
      ],
    },
  ],
};
