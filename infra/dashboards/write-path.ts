/** From the HTTP request to the row. */
import { quantile, rate, warnAt, type Row } from './panel.ts';

export const writePath: Row = {
  title: 'API and write path',
  panels: [
    {
      title: 'Requests',
      description: 'Requests a second by route and method.',
      kind: 'timeseries',
      unit: 'reqps',
      queries: [
        { expr: `sum by (method, route) (${rate('taskstream_http_requests_total')})`, legend: '{{method}} {{route}}' },
      ],
    },
    {
      title: 'Failed requests',
      description: 'Share of requests that were answered with 5xx. An alert comes at 1 %.',
      kind: 'timeseries',
      unit: 'percentunit',
      thresholds: warnAt(0.001, 0.01),
      runbook: 'api-errors',
      queries: [
        {
          expr: `sum by (route) (${rate('taskstream_http_requests_total', 'status=~"5.."')}) / sum by (route) (${rate('taskstream_http_requests_total')})`,
          legend: '{{route}}',
        },
      ],
    },
    {
      title: 'Response time, 99th percentile',
      description: 'Nearly all requests are faster than this. An alert comes at a second.',
      kind: 'timeseries',
      unit: 's',
      thresholds: warnAt(0.3, 1),
      runbook: 'api-errors',
      queries: [{ expr: quantile(0.99, 'taskstream_http_request_duration_seconds', 'route'), legend: '{{route}}' }],
    },
    {
      title: 'Commands in one statement',
      description:
        'How many writes PostgreSQL gets at once, on average. It grows under load: that is how the API keeps up.',
      kind: 'timeseries',
      unit: 'short',
      queries: [
        {
          expr: `sum by (operation) (${rate('taskstream_write_batch_commands_sum')}) / sum by (operation) (${rate('taskstream_write_batch_commands_count')})`,
          legend: '{{operation}}',
        },
      ],
    },
  ],
};
