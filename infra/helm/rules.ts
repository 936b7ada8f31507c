/** Rules between settings, which a JSON schema cannot say; a test compares them with those of the environments. */

import { BESIDES_POOL, connectionsInWords, OTHER_CONNECTIONS, ROLLOUT_REPLICAS } from '../environments/connections.ts';

const value = (path: string): string => `(int64 $.Values.${path})`;
const brokers = 'servers.kafka.nodePools';

interface Rule {
  /** When the values are refused, as a Go template says it. */
  readonly refusedIf: string;
  readonly message: string;
}

const RULES: readonly Rule[] = [
  {
    refusedIf: `gt ${value('api.minReplicas')} ${value('api.maxReplicas')}`,
    message: 'api.minReplicas must not be above api.maxReplicas',
  },
  {
    refusedIf: `gt ${value('indexer.minReplicas')} ${value('topic.partitions')}`,
    message: 'indexer.minReplicas must not be above topic.partitions',
  },
  {
    refusedIf: `gt ${value('topic.minInsyncReplicas')} ${value('topic.replicas')}`,
    message: 'topic.minInsyncReplicas must not be above topic.replicas',
  },
  {
    refusedIf: `and (gt ${value('topic.replicas')} 1) (eq ${value('topic.minInsyncReplicas')} ${value('topic.replicas')})`,
    message: 'topic.minInsyncReplicas must be below topic.replicas, or no broker of the topic may ever restart',
  },
];

const REPLICAS = `(add ${value('api.maxReplicas')} ${ROLLOUT_REPLICAS})`;
const CONNECTIONS = `(add ${value('api.databasePoolSize')} ${BESIDES_POOL})`;
const needsMoreThan = (path: string): Rule => ({
  refusedIf: `gt (add (mul ${REPLICAS} ${CONNECTIONS}) ${OTHER_CONNECTIONS}) ${value(path)}`,
  message: `${path} must be at least ${connectionsInWords('api.maxReplicas', 'api.databasePoolSize')}`,
});

const OPERATOR_RULES: readonly Rule[] = [
  {
    refusedIf: `gt ${value('topic.replicas')} $brokers`,
    message: 'topic.replicas must not be above the number of brokers',
  },
  {
    refusedIf: 'eq (mod $controllers 2) 0',
    message: `${brokers} must have an odd number of controllers`,
  },
  {
    refusedIf: `ge ${value('index.replicas')} ${value('servers.elasticsearch.nodes')}`,
    message: 'index.replicas must be below the number of nodes in servers.elasticsearch.nodes',
  },
  needsMoreThan('servers.postgres.maxConnections'),
];

const EXTERNAL_MAX = 'servers.postgresMaxConnections';

const check = ({ refusedIf, message }: Rule): string =>
  `{{- if ${refusedIf} }}\n{{- fail "${message}" }}\n{{- end }}\n`;

const countOf = (role: string): string =>
  `{{- $${role}s := 0 }}
{{- range $.Values.${brokers} }}
{{- if has "${role}" .roles }}
{{- $${role}s = add $${role}s (int64 .replicas) }}
{{- end }}
{{- end }}
`;

/** A template that renders nothing, and fails with a sentence where values contradict each other. */
export const rulesTemplate = (): string =>
  [
    ...RULES.map(check),
    '{{- if eq $.Values.servers.kind "operators" }}\n',
    countOf('broker'),
    countOf('controller'),
    ...OPERATOR_RULES.map(check),
    `{{- else if $.Values.${EXTERNAL_MAX} }}\n`,
    check(needsMoreThan(EXTERNAL_MAX)),
    '{{- end }}\n',
  ].join('');
