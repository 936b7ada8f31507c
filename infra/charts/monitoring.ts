/** PodMonitors for the Prometheus operator. */
import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { CustomResource } from '../constructs/custom-resource.ts';
import { selectorLabels } from '../constructs/labels.ts';
import type { Environment } from '../environments/schema.ts';
import { API } from './api.ts';
import { INDEXER } from './indexer.ts';

export class MonitoringChart extends Chart {
  constructor(scope: Construct, id: string, { namespace }: Environment) {
    super(scope, id, { namespace, disableResourceNameHashes: true });
    for (const component of [API, INDEXER]) {
      new CustomResource(this, component, {
        apiVersion: 'monitoring.coreos.com/v1',
        kind: 'PodMonitor',
        name: `taskstream-${component}`,
        component,
        spec: {
          selector: { matchLabels: selectorLabels(component) },
          podMetricsEndpoints: [{ port: 'health', path: '/metrics', interval: '15s' }],
        },
      });
    }
  }
}
