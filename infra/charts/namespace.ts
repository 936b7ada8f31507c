/** The namespace; it refuses pods that are not "restricted". */
import { Chart } from 'cdk8s';
import { Namespace } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { KEPT } from '../constructs/kept.ts';
import type { Environment } from '../environments/schema.ts';

export class NamespaceChart extends Chart {
  constructor(scope: Construct, id: string, { namespace }: Environment) {
    super(scope, id, { disableResourceNameHashes: true });
    new Namespace(this, 'namespace', {
      metadata: {
        name: namespace,
        // Everything in it would go with it.
        annotations: { ...KEPT },
        labels: {
          'pod-security.kubernetes.io/enforce': 'restricted',
          'pod-security.kubernetes.io/warn': 'restricted',
        },
      },
    });
  }
}
