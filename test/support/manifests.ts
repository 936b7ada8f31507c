/** The objects of an environment, as `npm run synth` writes them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { createApp } from '../../infra/app.ts';
import { environmentOf } from '../../infra/environments/index.ts';
import type { Environment } from '../../infra/environments/schema.ts';
import { createGitOpsApps } from '../../infra/gitops/app.ts';

export interface SecretRef {
  readonly name: string;
  readonly key: string;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly secretKeyRef?: SecretRef };
  }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
  readonly resources: { readonly requests: Record<string, string>; readonly limits: Record<string, string> };
  readonly securityContext: Record<string, unknown>;
}

export interface PodTemplate {
  readonly metadata: { readonly labels: Record<string, string> };
  readonly spec: {
    readonly automountServiceAccountToken: boolean;
    readonly serviceAccountName: string;
    readonly terminationGracePeriodSeconds: number;
    readonly securityContext: Record<string, unknown>;
    readonly containers: readonly Container[];
    readonly volumes?: readonly {
      readonly name: string;
      readonly secret?: { readonly secretName: string; readonly items?: readonly { key: string; path: string }[] };
    }[];
  };
}

/** An object of Kubernetes; `spec` is read by tests that know its kind. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  readonly spec?: any;
  readonly data?: Record<string, string>;
  readonly stringData?: Record<string, string>;
  readonly [key: string]: any;
}

/** Synthesises an environment, by name or as changed by a test. */
export const manifestsOf = (environment: string | Environment): Manifest[] => {
  const outdir = mkdtempSync(join(tmpdir(), 'taskstream-synth-'));
  try {
    const app = createApp(typeof environment === 'string' ? environmentOf(environment) : environment, outdir);
    return parseAllDocuments(app.synthYaml()).map((document) => document.toJS() as Manifest);
  } finally {
    rmSync(outdir, { recursive: true });
  }
};

/** @returns what `npm run gitops` writes for an environment: the objects of each file, by its path */
export const gitOpsManifestsOf = (environment: string): ReadonlyMap<string, readonly Manifest[]> => {
  const outdir = mkdtempSync(join(tmpdir(), 'taskstream-gitops-'));
  const repo = 'https://git.example.com/team/taskstream.git';
  try {
    const apps = createGitOpsApps({ repo, revision: 'main', environment: environmentOf(environment) }, outdir);
    for (const app of apps) app.synth();
    const files = readdirSync(outdir, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));
    return new Map(
      files.map((file) => [
        file,
        parseAllDocuments(readFileSync(join(outdir, file), 'utf8')).map((document) => document.toJS() as Manifest),
      ]),
    );
  } finally {
    rmSync(outdir, { recursive: true });
  }
};

export const ofKind = (manifests: readonly Manifest[], kind: string): Manifest[] =>
  manifests.filter((manifest) => manifest.kind === kind);

/** The one object of this kind and name. */
export const find = (manifests: readonly Manifest[], kind: string, name: string): Manifest => {
  const found = ofKind(manifests, kind).filter(({ metadata }) => metadata.name === name);
  if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} objects ${kind} ${name}`);
  return found[0];
};

/** The pods of our own workloads, each with the name of what makes it. */
export const podsOf = (manifests: readonly Manifest[]): { name: string; kind: string; pod: PodTemplate }[] =>
  manifests.flatMap(({ metadata, kind, spec }) => {
    const pod = templateOf(kind, spec);
    return pod === undefined ? [] : [{ name: metadata.name, kind, pod }];
  });

interface WithTemplate {
  readonly template: PodTemplate;
}
const templateOf = (kind: string, spec: unknown): PodTemplate | undefined => {
  if (kind === 'Deployment' || kind === 'Job') return (spec as WithTemplate).template;
  return kind === 'CronJob' ? (spec as { jobTemplate: { spec: WithTemplate } }).jobTemplate.spec.template : undefined;
};

/** Files of a login, as `loginFiles` of infra names them. */
const LOGIN_FILE = /^\/etc\/taskstream\/[a-z]+-login\//;

/** Environment variables of a pod's first container; what comes from a Secret, be it by a file, has a value that fits. */
export const variablesOf = (
  pod: { readonly spec: { readonly containers: readonly Pick<Container, 'env'>[] } } | undefined,
): Record<string, string> =>
  Object.fromEntries(
    (pod?.spec.containers[0]?.env ?? []).map(({ name, value }) => {
      const isFile = value !== undefined && LOGIN_FILE.test(value);
      const variable = isFile ? name.replace(/_FILE$/, '') : name;
      if (value !== undefined && !isFile) return [variable, value];
      return [variable, variable === 'DATABASE_URL' ? 'postgresql://user:password@host:5432/taskstream' : 'secret'];
    }),
  );

/** Every key of a Secret that a workload reads, by environment variable or file. */
export const secretKeysOf = ({ spec }: PodTemplate): SecretRef[] => [
  ...spec.containers.flatMap(({ env = [] }) =>
    env.flatMap(({ valueFrom }) => (valueFrom?.secretKeyRef === undefined ? [] : [valueFrom.secretKeyRef])),
  ),
  ...(spec.volumes ?? []).flatMap(({ secret }) =>
    // The whole of a Secret is mounted for the CAs in it.
    secret === undefined
      ? []
      : (secret.items ?? [{ key: 'ca.crt' }]).map(({ key }) => ({ name: secret.secretName, key })),
  ),
];
