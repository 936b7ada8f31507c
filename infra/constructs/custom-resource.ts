/** The kinds of operators: plain objects with the fields we use. The real CRDs judge them in the cluster tests. */
import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import { KEPT } from './kept.ts';
import { labelsOf, PART_OF } from './labels.ts';

export interface CustomResourceOptions {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly component: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** True for what holds data: no tool deletes it by itself. */
  readonly isKept?: true;
  readonly spec: Readonly<Record<string, unknown>>;
}

export class CustomResource extends ApiObject {
  constructor(scope: Construct, id: string, options: CustomResourceOptions) {
    const { apiVersion, kind, name, component, labels, annotations = {}, isKept, spec } = options;
    const allAnnotations = { ...annotations, ...(isKept === true ? KEPT : {}) };
    super(scope, id, {
      apiVersion,
      kind,
      metadata: {
        name,
        labels: { ...labelsOf(component), ...labels },
        ...(Object.keys(allAnnotations).length === 0 ? {} : { annotations: allAnnotations }),
      },
      spec,
    });
  }
}

export { PART_OF };
