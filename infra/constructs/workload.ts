/**
 * Pods as this project runs them: Pod Security "restricted", no service account token unless asked for, a read-only root
 * file system, requests and limits stated. Deployments, Jobs and CronJobs are made of the same pod.
 */
import { ApiObject, Cron, Duration, JsonPatch } from 'cdk8s';
import {
  ConcurrencyPolicy,
  CronJob,
  Deployment,
  DeploymentStrategy,
  EnvValue,
  Job,
  LabelSelector,
  PercentOrAbsolute,
  Probe,
  Protocol,
  RestartPolicy,
  Secret,
  ServiceAccount,
  Volume,
  type ContainerProps,
  type WorkloadProps,
} from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import type { PodSettings } from '../environments/pods.ts';
import type { Environment, Resources } from '../environments/schema.ts';
import type { Connection, EnvSource, SecretFile } from './connection.ts';
import { jobNameOf } from './job-name.ts';
import { labelsOf, selectorLabels } from './labels.ts';
import { addSettings } from './pod-settings.ts';
import { resourceRequirements } from './resource-requirements.ts';

/** The unprivileged user that the Dockerfile names too. */
const USER_ID = 65_532;

export interface PodOptions {
  readonly component: string;
  readonly image: string;
  readonly pullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** Of a service's image arguments of node: the script and its own. The image's default when left out. */
  readonly args?: readonly string[];
  readonly connections: readonly Connection[];
  readonly env?: Readonly<Record<string, EnvSource>>;
  readonly resources: Resources;
  /** What the environment adds. */
  readonly settings: PodSettings;
  /** Whether the pod gets the token of its account. */
  readonly needsKubernetes?: boolean;
}

/** Where a service sends its traces. */
export const tracesOf = (otlp: Environment['otlp']): Readonly<Record<string, EnvSource>> =>
  otlp === undefined ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: { value: otlp.endpoint } };

/** Name of a component's ServiceAccount. */
export const accountOf = (component: string): string => `taskstream-${component}`;

export interface ServiceWorkloadOptions extends PodOptions {
  /** Ports by name; `health` has the probes. */
  readonly ports: Readonly<Record<string, number>> & { readonly health: number };
  /** The stop's own deadline; the pod's grace period is set above it. */
  readonly shutdownDeadlineMs: number;
}

/** A Deployment without `replicas`, which belong to its autoscaler, and a ServiceAccount without a token. */
export class ServiceWorkload extends Construct {
  readonly deployment: Deployment;
  readonly name: string;

  constructor(scope: Construct, id: string, options: ServiceWorkloadOptions) {
    super(scope, id);
    const { component, ports, shutdownDeadlineMs } = options;
    this.name = `taskstream-${component}`;
    this.deployment = new Deployment(this, 'deployment', {
      ...podOf(this, options, {
        ports: Object.entries(ports).map(([name, number]) => ({ name, number, protocol: Protocol.TCP })),
        ...probesOf(ports.health, { ready: '/readyz', live: '/livez' }),
      }),
      metadata: { name: this.name, labels: labelsOf(component) },
      select: false,
      terminationGracePeriod: Duration.seconds(Math.ceil(shutdownDeadlineMs / 1_000) + 5),
      strategy: DeploymentStrategy.rollingUpdate({
        maxSurge: PercentOrAbsolute.absolute(1),
        maxUnavailable: PercentOrAbsolute.absolute(0),
      }),
    });
    this.deployment.select(LabelSelector.of({ labels: selectorLabels(component) }));
    this.deployment.markHasAutoscaler();
    const object = ApiObject.of(this.deployment);
    object.addJsonPatch(
      ...patchesOf(options, POD_TEMPLATE),
      // The pause process becomes number 1, which no signal from its own namespace kills: a service must be able to end itself.
      JsonPatch.add(`${POD_TEMPLATE}/spec/shareProcessNamespace`, true),
      spreadOverHostsAndZones(component),
    );
    addSettings(object, POD_TEMPLATE, options.settings);
  }
}

export interface SingleWorkloadOptions extends PodOptions {
  /** The container's only one, by its name. */
  readonly port: { readonly name: string; readonly number: number };
  /** Answers with 200 as long as the process works, whatever it is that it talks to. */
  readonly healthPath: string;
}

/** A Deployment of one pod of somebody else's image, which may be away for a while, and a ServiceAccount without a token. */
export class SingleWorkload extends Construct {
  constructor(scope: Construct, id: string, options: SingleWorkloadOptions) {
    super(scope, id);
    const { component, port, healthPath } = options;
    const deployment = new Deployment(this, 'deployment', {
      ...podOf(this, options, {
        ports: [{ ...port, protocol: Protocol.TCP }],
        ...probesOf(port.number, { ready: healthPath, live: healthPath }),
      }),
      metadata: { name: `taskstream-${component}`, labels: labelsOf(component) },
      select: false,
      replicas: 1,
    });
    deployment.select(LabelSelector.of({ labels: selectorLabels(component) }));
    ApiObject.of(deployment).addJsonPatch(...patchesOf(options, POD_TEMPLATE));
  }
}

/** @param paths that answer with 200 to a GET */
const probesOf = (
  port: number,
  { ready, live }: Readonly<Record<'ready' | 'live', string>>,
): Pick<ContainerProps, 'readiness' | 'liveness' | 'startup'> => {
  const options = { port, periodSeconds: Duration.seconds(5), timeoutSeconds: Duration.seconds(3) };
  return {
    readiness: Probe.fromHttpGet(ready, { ...options, failureThreshold: 2 }),
    liveness: Probe.fromHttpGet(live, { ...options, failureThreshold: 6 }),
    startup: Probe.fromHttpGet(live, { ...options, failureThreshold: 24 }),
  };
};

export interface OneShotOptions extends PodOptions {
  readonly deadlineSeconds: number;
  readonly backoffLimit: number;
}

/**
 * A Job that runs once for each specification, in whose name it is. It stays when it has ended, for its log and because a
 * tool that finds it gone makes it again (docs/adr/0020-jobs.md); it may run again all the same, and twice at once.
 */
export class OneShot extends Construct {
  constructor(scope: Construct, id: string, options: OneShotOptions) {
    super(scope, id);
    const { component, deadlineSeconds, backoffLimit } = options;
    const job = ApiObject.of(
      new Job(this, 'job', {
        ...podOf(this, options, {}),
        metadata: { name: component, labels: labelsOf(component) },
        select: false,
        restartPolicy: RestartPolicy.ON_FAILURE,
        activeDeadline: Duration.seconds(deadlineSeconds),
        backoffLimit,
      }),
    );
    job.addJsonPatch(...patchesOf(options, POD_TEMPLATE));
    addSettings(job, POD_TEMPLATE, options.settings);
    const { spec } = job.toJson() as { readonly spec: unknown };
    job.addJsonPatch(JsonPatch.replace('/metadata/name', jobNameOf(component, spec)));
  }
}

export interface ScheduledJobOptions extends PodOptions {
  readonly name: string;
  /** Five fields, in UTC; anything that may come while the job is suspended for good. */
  readonly schedule: string;
  /** A suspended one runs only when somebody asks: `kubectl create job --from=cronjob/NAME`. */
  readonly suspend: boolean;
  readonly deadlineSeconds: number;
}

/**
 * A CronJob that never runs beside itself. Its pods are not restarted: an exit code that is not 0 is an answer, and the
 * failed pod keeps its log. Its Jobs do not have the labels of the product, so that `ops wait` waits for none of them.
 */
export class ScheduledJob extends Construct {
  constructor(scope: Construct, id: string, options: ScheduledJobOptions) {
    super(scope, id);
    const { component, name, schedule, suspend, deadlineSeconds } = options;
    const cronJob = new CronJob(this, 'cron-job', {
      ...podOf(this, options, {}),
      metadata: { name, labels: labelsOf(component) },
      schedule: new Expression(schedule),
      timeZone: 'Etc/UTC',
      suspend,
      concurrencyPolicy: ConcurrencyPolicy.FORBID,
      // A controller that was away for less than an hour still starts it.
      startingDeadline: Duration.hours(1),
      activeDeadline: Duration.seconds(deadlineSeconds),
      backoffLimit: 0,
      successfulJobsRetained: 1,
      failedJobsRetained: 3,
    });
    const object = ApiObject.of(cronJob);
    object.addJsonPatch(...patchesOf(options, `/spec/jobTemplate${POD_TEMPLATE}`));
    addSettings(object, `/spec/jobTemplate${POD_TEMPLATE}`, options.settings);
  }
}

/** A schedule as it is written; the library would only take it apart and put it together again. */
class Expression extends Cron {
  override readonly expressionString: string;
  constructor(expression: string) {
    super();
    this.expressionString = expression;
  }
}

const podOf = (scope: Construct, options: PodOptions, container: Partial<ContainerProps>): WorkloadProps => {
  const { component, image, pullPolicy, args, connections, env = {}, settings, needsKubernetes = false } = options;
  const level: Readonly<Record<string, EnvSource>> =
    settings.logLevel === undefined ? {} : { LOG_LEVEL: { value: settings.logLevel } };
  const files = connections.flatMap((connection) => connection.files);
  const { name: accountName } = new ServiceAccount(scope, 'account', {
    metadata: { name: accountOf(component), labels: labelsOf(component) },
    automountToken: false,
  });
  const account = ServiceAccount.fromServiceAccountName(scope, 'account-reference', accountName);
  return {
    podMetadata: { labels: labelsOf(component) },
    serviceAccount: account,
    automountServiceAccountToken: needsKubernetes,
    securityContext: { ensureNonRoot: true, user: USER_ID, group: USER_ID, fsGroup: USER_ID },
    containers: [
      {
        name: component,
        image,
        // Its values are the words of the API.
        imagePullPolicy: pullPolicy as never,
        ...(args === undefined ? {} : { args: [...args] }),
        envVariables: Object.fromEntries(
          [...connections.map((connection) => connection.env), env, level]
            .flatMap((each) => Object.entries(each))
            .map(([name, source]) => [name, envValue(scope, name, source)]),
        ),
        volumeMounts: [...new Set(files.map(folderOf))].map((folder) => ({
          path: folder,
          volume: folderVolume(scope, folder, files),
          readOnly: true,
        })),
        securityContext: {
          ensureNonRoot: true,
          user: USER_ID,
          group: USER_ID,
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
        },
        ...container,
      },
    ],
  };
};

const envValue = (scope: Construct, name: string, source: EnvSource): EnvValue =>
  'value' in source
    ? EnvValue.fromValue(source.value)
    : EnvValue.fromSecretValue({ secret: Secret.fromSecretName(scope, `env-${name}`, source.secret), key: source.key });

const folderOf = ({ key, path }: SecretFile): string =>
  key === undefined ? path : path.slice(0, path.lastIndexOf('/'));

/** A volume for a folder, whose files are all of one Secret. */
const folderVolume = (scope: Construct, folder: string, files: readonly SecretFile[]): Volume => {
  const inFolder = files.filter((file) => folderOf(file) === folder);
  const secret = inFolder[0]?.secret ?? '';
  const name = folder.slice(folder.lastIndexOf('/') + 1);
  const keys = inFolder.flatMap(({ key, path }) =>
    key === undefined ? [] : [[key, { path: path.slice(folder.length + 1) }] as const],
  );
  return Volume.fromSecret(scope, `volume-${folder}`, Secret.fromSecretName(scope, `file-${folder}`, secret), {
    name: name.endsWith('-login') ? name : `${name}-ca`,
    ...(keys.length === 0 ? {} : { items: Object.fromEntries(keys) }),
  });
};

const POD_TEMPLATE = '/spec/template';

/** As the library serialises it after the patches: a quantity is an object with a value. */
const quantities = (amounts: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(amounts).map(([name, value]) => [name, { value }]));

/**
 * Patches of the pod template at a path: resources in the words of the environment, what Pod Security "restricted" asks for and the library has no words for;
 * and nothing that names constructs.
 */
const patchesOf = ({ resources }: PodOptions, template: string): JsonPatch[] => {
  const { requests, limits } = resourceRequirements(resources);
  const pod = `${template}/spec`;
  return [
    JsonPatch.replace(`${pod}/containers/0/resources`, { requests: quantities(requests), limits: quantities(limits) }),
    JsonPatch.add(`${pod}/securityContext/seccompProfile`, { type: 'RuntimeDefault' }),
    JsonPatch.add(`${pod}/containers/0/securityContext/capabilities`, { drop: ['ALL'] }),
    // Made of construct paths: a renamed construct would restart every pod.
    JsonPatch.remove(`${template}/metadata/labels/cdk8s.io~1metadata.addr`),
  ];
};

const spreadOverHostsAndZones = (component: string): JsonPatch =>
  JsonPatch.add(
    `${POD_TEMPLATE}/spec/topologySpreadConstraints`,
    ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
      maxSkew: 1,
      topologyKey,
      // A cluster that has lost a zone still runs everything.
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: selectorLabels(component) },
    })),
  );
