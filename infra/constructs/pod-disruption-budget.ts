/** cdk8s-plus has no class for it. */
import type { Construct } from 'constructs';
import { CustomResource } from './custom-resource.ts';
import { selectorLabels } from './labels.ts';

/** One pod at a time may go; said by `maxUnavailable`, so that a single replica does not block a drain for ever. */
export class PodDisruptionBudget extends CustomResource {
  constructor(scope: Construct, id: string, component: string) {
    super(scope, id, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      name: `taskstream-${component}`,
      component,
      spec: { maxUnavailable: 1, selector: { matchLabels: selectorLabels(component) } },
    });
  }
}
