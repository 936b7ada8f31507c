/** What the API tells Prometheus about requests and writes. */
import { Counter, Histogram, type Registry } from 'prom-client';

export type ApiMetrics = ReturnType<typeof createApiMetrics>;

export const createApiMetrics = (registry: Registry) => ({
  requests: new Counter({
    name: 'taskstream_http_requests_total',
    help: 'Requests by method, route and status; a batch of which a part failed with 5xx counts as that.',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  }),
  duration: new Histogram({
    name: 'taskstream_http_request_duration_seconds',
    help: 'Time until the answer was ready.',
    labelNames: ['method', 'route'],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    registers: [registry],
  }),
  connectionsDropped: new Counter({
    name: 'taskstream_http_connections_dropped_total',
    help: 'Connections that were closed at once because there were too many.',
    registers: [registry],
  }),
  gathered: new Histogram({
    name: 'taskstream_write_batch_commands',
    help: 'Commands gathered into one statement.',
    labelNames: ['entity', 'operation'],
    buckets: [1, 2, 5, 10, 20, 50, 100, 200],
    registers: [registry],
  }),
});

/** Requests of this process since it started, those of the console's own page apart. */
export interface RequestCounts {
  readonly answered: number;
  /** Those that were answered with 5xx. */
  readonly failed: number;
}

export const countRequests = async ({ requests }: ApiMetrics): Promise<RequestCounts> => {
  const { values } = await requests.get();
  const counted = values.filter(({ labels }) => !String(labels.route).startsWith('/console'));
  const sum = (list: typeof counted) => list.reduce((total, { value }) => total + value, 0);
  return { answered: sum(counted), failed: sum(counted.filter(({ labels }) => Number(labels.status) >= 500)) };
};
