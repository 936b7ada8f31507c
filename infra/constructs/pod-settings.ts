/** What an environment adds to a pod, beside what the product says of it. */
import { JsonPatch, type ApiObject } from 'cdk8s';
import type { PodSettings } from '../environments/pods.ts';

interface PodTemplate {
  readonly metadata?: { readonly labels?: object; readonly annotations?: object };
  readonly spec: { readonly containers: readonly Container[]; readonly volumes?: readonly object[] };
}
interface Container {
  readonly env?: readonly object[];
  readonly volumeMounts?: readonly object[];
}

/**
 * Adds them to what the library has serialised, and not by its patches: it serialises after those, and passes over fields
 * that its version of Kubernetes lacks, and quantities that are written as text.
 * @param path where the template is in the object
 */
export const addSettings = (object: ApiObject, path: string, settings: PodSettings): void => {
  const toJson = object.toJson.bind(object);
  object.toJson = (): unknown => {
    const json: unknown = toJson();
    return JsonPatch.apply(json, JsonPatch.replace(path, withSettings(at(json, path) as PodTemplate, settings)));
  };
};

const at = (json: unknown, path: string): unknown =>
  path
    .split('/')
    .slice(1)
    .reduce<unknown>((data, key) => (data as Readonly<Record<string, unknown>>)[key], json);

const withSettings = ({ metadata, spec }: PodTemplate, settings: PodSettings): PodTemplate => {
  const { env, envFrom, podAnnotations, podLabels, volumes, volumeMounts, priorityClassName } = settings;
  const { imagePullSecrets, nodeSelector, tolerations, affinity } = settings;
  const [container, ...others] = spec.containers;
  return {
    metadata: {
      ...metadata,
      ...filled({
        labels: { ...podLabels, ...metadata?.labels },
        annotations: { ...metadata?.annotations, ...podAnnotations },
      }),
    },
    spec: {
      ...spec,
      ...filled({ imagePullSecrets, nodeSelector, tolerations, affinity, volumes: joined(spec.volumes, volumes) }),
      ...(priorityClassName === undefined ? {} : { priorityClassName }),
      containers: [
        {
          ...container,
          ...filled({
            env: joined(container?.env, env),
            envFrom,
            volumeMounts: joined(container?.volumeMounts, volumeMounts),
          }),
        },
        ...others,
      ],
    },
  };
};

const joined = (own: readonly object[] = [], more: readonly object[] = []): readonly object[] => [...own, ...more];

/** Those that have something in them. */
const filled = (parts: Readonly<Record<string, object | undefined>>): object =>
  Object.fromEntries(Object.entries(parts).filter(([, part]) => Object.keys(part ?? {}).length > 0));
