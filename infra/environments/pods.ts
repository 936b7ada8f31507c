/**
 * What an environment may add to pods, in the words of Kubernetes and of other charts: one shape for the API, the indexer,
 * and all Jobs and CronJobs. It is handed through as it is written, beside what the product says of its pods.
 */
import { z } from 'zod';

/**
 * Variables that the manifests set, or whose values they rely on. A second one of a name is taken by the kubelet in place of
 * the first, and an apply may drop either.
 */
export const OWN_VARIABLES = [
  'AUTH',
  'AUTH_AUDIENCE',
  'AUTH_ISSUER',
  'CONSOLE',
  'CONSOLE_CLIENT_ID',
  'CONSOLE_CLIENT_SECRET',
  'CONSOLE_SESSION_KEYS',
  'CONSOLE_URL',
  'CORS_ORIGINS',
  'DATABASE_CA_FILE',
  'DATABASE_POOL_SIZE',
  'DATABASE_TLS',
  'DATABASE_URL',
  'DATABASE_URL_FILE',
  'DRAIN_DELAY_MS',
  'ELASTICSEARCH_API_KEY',
  'ELASTICSEARCH_API_KEY_FILE',
  'ELASTICSEARCH_CA_FILE',
  'ELASTICSEARCH_PASSWORD',
  'ELASTICSEARCH_PASSWORD_FILE',
  'ELASTICSEARCH_URL',
  'ELASTICSEARCH_USERNAME',
  'ELASTICSEARCH_USERNAME_FILE',
  'GROUP_PROTOCOL',
  'HEALTH_PORT',
  'INDEX_REPLICAS',
  'INDEX_SHARDS',
  'KAFKA_BROKERS',
  'KAFKA_CA_FILE',
  'KAFKA_CERT_FILE',
  'KAFKA_KEY_FILE',
  'KAFKA_OAUTH_CA_FILE',
  'KAFKA_OAUTH_CLIENT_ID',
  'KAFKA_OAUTH_CLIENT_ID_FILE',
  'KAFKA_OAUTH_CLIENT_SECRET',
  'KAFKA_OAUTH_CLIENT_SECRET_FILE',
  'KAFKA_OAUTH_EXTENSIONS',
  'KAFKA_OAUTH_SCOPE',
  'KAFKA_OAUTH_TOKEN_URL',
  'KAFKA_SASL_MECHANISM',
  'KAFKA_SASL_PASSWORD',
  'KAFKA_SASL_PASSWORD_FILE',
  'KAFKA_SASL_USERNAME',
  'KAFKA_SASL_USERNAME_FILE',
  'KAFKA_TLS',
  'LOG_LEVEL',
  'MIGRATE_DEADLINE_MS',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'PORT',
  'RATE_LIMIT_PER_MINUTE',
  'RELAY_LANES',
  'SHUTDOWN_DEADLINE_MS',
  'TRUST_PROXY',
] as const;

/** Labels by which Services, Deployments, network policies and `ops` find pods: another value would hide or expose them. */
export const OWN_LABELS = [
  'app.kubernetes.io/name',
  'app.kubernetes.io/part-of',
  'app.kubernetes.io/component',
  'strimzi.io/cluster',
  'elasticsearch.k8s.elastic.co/cluster-name',
  'cnpg.io/cluster',
] as const;

/** Who has the settings below. */
export const POD_OWNERS = ['api', 'indexer', 'jobs'] as const;

const name = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, {
    error: 'must be the name of an object: lower-case letters, digits, hyphens and dots',
  });
const qualified = z.string().regex(/^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/, {
  error: 'must be a name such as example.com/team',
});
const labelValue = z.string().regex(/^([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?$/, {
  error: 'must be the value of a label: 63 letters, digits, hyphens, underscores and dots at most',
});
export const annotations = z.record(qualified, z.string());
export const labels = z.record(qualified, labelValue);

const keyOf = z.strictObject({ name, key: z.string().min(1), optional: z.boolean().optional() });
const reference = z.strictObject({ name, optional: z.boolean().optional() });
const variable = z.string().regex(/^[A-Za-z_]\w*$/, { error: 'must be the name of an environment variable' });
const open = z.looseObject({});

export const podSettings = {
  env: z
    .array(
      z.strictObject({
        name: variable,
        value: z.string().optional(),
        valueFrom: z
          .strictObject({
            secretKeyRef: keyOf.optional(),
            configMapKeyRef: keyOf.optional(),
            fieldRef: z.strictObject({ fieldPath: z.string(), apiVersion: z.string().optional() }).optional(),
          })
          .optional(),
      }),
    )
    .optional()
    .describe(
      'More environment variables (docs/configuration.md has those of the services), each {name, value} or {name, valueFrom}. Names that the product sets itself are refused.',
    ),
  envFrom: z
    .array(
      z.strictObject({
        prefix: z.string().optional(),
        secretRef: reference.optional(),
        configMapRef: reference.optional(),
      }),
    )
    .optional()
    .describe(
      'Secrets and ConfigMaps, all of whose keys become variables. Where a name is set otherwise too, that wins.',
    ),
  podAnnotations: annotations.optional(),
  podLabels: labels.optional().describe('Those by which the product finds its pods are refused.'),
  imagePullSecrets: z.array(z.strictObject({ name })).optional(),
  nodeSelector: labels.optional(),
  tolerations: z
    .array(
      z.strictObject({
        key: z.string().optional(),
        operator: z.enum(['Exists', 'Equal']).optional(),
        value: z.string().optional(),
        effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
        tolerationSeconds: z.number().optional(),
      }),
    )
    .optional(),
  affinity: z
    .strictObject({
      nodeAffinity: open.optional(),
      podAffinity: open.optional(),
      podAntiAffinity: open.optional(),
    })
    .optional()
    .describe('As in Kubernetes. The spread over zones and nodes is not part of it, and stays.'),
  volumes: z
    .array(z.looseObject({ name }))
    .optional()
    .describe('As in Kubernetes, beside those with the certificates of the servers and the logins.'),
  volumeMounts: z
    .array(z.looseObject({ name, mountPath: z.string().startsWith('/', { error: 'must begin with a slash' }) }))
    .optional(),
  priorityClassName: name.optional(),
  logLevel: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .optional()
    .describe('`LOG_LEVEL`; info when left out.'),
};

export type PodSettings = z.infer<z.ZodObject<typeof podSettings>>;

/** Settings that are handed through whole, and are as good as absent when empty. */
export const NO_ADDITIONS = {
  env: [],
  envFrom: [],
  podAnnotations: {},
  podLabels: {},
  imagePullSecrets: [],
  nodeSelector: {},
  tolerations: [],
  affinity: {},
  volumes: [],
  volumeMounts: [],
} as const satisfies PodSettings;
