/** Rules between settings, which a JSON schema cannot say; a test compares them with those of the environments. */

import { EVERY_DAY, MUST_BE_GIVEN, mustBeAbove, PAUSES } from '../environments/backup-age.ts';
import { BESIDES_POOL, connectionsInWords, OTHER_CONNECTIONS, ROLLOUT_REPLICAS } from '../environments/connections.ts';
import { OWN_LABELS, OWN_VARIABLES, POD_OWNERS } from '../environments/pods.ts';
import { kbInTemplate, kbOf, MEMORY_SETTINGS, mustBe } from '../environments/postgres-memory.ts';

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
  {
    refusedIf: 'ne (eq $.Values.auth.kind "oidc") (not (empty $.Values.auth.oidc))',
    message: 'auth.oidc must be given with auth.kind oidc, and with no other',
  },
  {
    refusedIf: 'and $.Values.console (eq $.Values.auth.kind "oidc") (empty ($.Values.auth.oidc).login)',
    message: 'console must be false with auth.kind oidc, unless auth.oidc.login says how people log in',
  },
  {
    refusedIf: 'and $.Values.otlp (not (($.Values.otlp).egress).namespace) (not (($.Values.otlp).egress).cidrs)',
    message: 'otlp.egress must have a namespace, or cidrs',
  },
];

const REPLICAS = `(add ${value('api.maxReplicas')} ${ROLLOUT_REPLICAS})`;
const CONNECTIONS = `(add ${value('api.databasePoolSize')} ${BESIDES_POOL})`;
const needsMoreThan = (path: string): Rule => ({
  refusedIf: `gt (add (mul ${REPLICAS} ${CONNECTIONS}) ${value('api.relayLanes')} ${OTHER_CONNECTIONS}) ${value(path)}`,
  message: `${path} must be at least ${connectionsInWords({ maxReplicas: 'api.maxReplicas', databasePoolSize: 'api.databasePoolSize', relayLanes: 'api.relayLanes' })}`,
});

const KAFKA_RULES: readonly Rule[] = [
  {
    refusedIf: `gt ${value('topic.replicas')} $brokers`,
    message: 'topic.replicas must not be above the number of brokers',
  },
  {
    refusedIf: 'eq (mod $controllers 2) 0',
    message: `${brokers} must have an odd number of controllers`,
  },
  {
    refusedIf: 'and $.Values.servers.kafka.cruiseControl (lt (int64 $brokers) 2)',
    message: 'servers.kafka.cruiseControl needs two brokers or more',
  },
];

const KAFKA = '$.Values.servers.kafka';
const MANAGED_KAFKA_RULES: readonly Rule[] = [
  {
    refusedIf: `and ${KAFKA}.caSecret (not ${KAFKA}.tls)`,
    message: 'servers.kafka.caSecret is of no use without servers.kafka.tls',
  },
  {
    refusedIf: `and (not ${KAFKA}.tls) (has ${KAFKA}.login (list "PLAIN" "mTLS" "OAUTHBEARER"))`,
    message: 'servers.kafka.tls must be true with the logins PLAIN, mTLS and OAUTHBEARER',
  },
  {
    refusedIf: `ne (eq ${KAFKA}.login "OAUTHBEARER") (not (empty ${KAFKA}.oauth))`,
    message: 'servers.kafka.oauth must be given with the login OAUTHBEARER, and with no other',
  },
];

const SEARCH_RULES: readonly Rule[] = [
  {
    refusedIf: `ge ${value('index.replicas')} ${value('servers.elasticsearch.nodes')}`,
    message: 'index.replicas must be below the number of nodes in servers.elasticsearch.nodes',
  },
  {
    refusedIf: 'and $.Values.servers.elasticsearch.exporter (not $.Values.monitoring)',
    message: 'servers.elasticsearch.exporter is of no use without monitoring',
  },
];
const MANAGED_SEARCH_RULE: Rule = {
  refusedIf:
    'and $.Values.servers.elasticsearch.caSecret (not (hasPrefix "https:" $.Values.servers.elasticsearch.url))',
  message: 'servers.elasticsearch.caSecret is of no use without https in servers.elasticsearch.url',
};
const MANAGED_POSTGRES_RULE: Rule = {
  refusedIf: 'and $.Values.servers.postgres.caSecret (eq $.Values.servers.postgres.tls "disable")',
  message: 'servers.postgres.caSecret is of no use without servers.postgres.tls',
};
const POSTGRES = '$.Values.servers.postgres';
const MEMORY_RULES: readonly Rule[] = Object.entries(MEMORY_SETTINGS).map(([name, setting]) => {
  const kb = kbInTemplate(`${POSTGRES}.memory.${name}`);
  return {
    refusedIf: `or (lt ${kb} ${kbOf(setting.least)}) (gt ${kb} ${kbOf(setting.most)})`,
    message: `servers.postgres.memory.${name} ${mustBe(setting)}`,
  };
});
const BACKUP = `${POSTGRES}.backup`;
const OVERDUE_HOURS = 'servers.postgres.backup.overdueHours';
const BACKUP_RULES: readonly Rule[] = [
  {
    refusedIf: `and (not ${BACKUP}.overdueHours) (not (regexMatch \`${EVERY_DAY}\` ${BACKUP}.schedule))`,
    message: `${OVERDUE_HOURS} ${MUST_BE_GIVEN}`,
  },
  ...PAUSES.map(({ pattern, hours }) => ({
    refusedIf: `and ${BACKUP}.overdueHours (regexMatch \`${pattern}\` ${BACKUP}.schedule) (le (int64 ${BACKUP}.overdueHours) ${hours})`,
    message: `${OVERDUE_HOURS} ${mustBeAbove(hours)}`,
  })),
  {
    refusedIf: `and ${BACKUP}.caSecret (not (hasPrefix "https:" (default "" ${BACKUP}.endpointUrl)))`,
    message: 'servers.postgres.backup.caSecret is of no use without https in servers.postgres.backup.endpointUrl',
  },
];
const RESTORE_RULES: readonly Rule[] = [
  {
    refusedIf: `and ${POSTGRES}.restoreFrom (not ${POSTGRES}.backup)`,
    message: 'servers.postgres.restoreFrom needs servers.postgres.backup',
  },
  {
    refusedIf: `and ${POSTGRES}.restoreFrom (eq (${POSTGRES}.backup).serverName (${POSTGRES}.restoreFrom).serverName)`,
    message: 'servers.postgres.backup.serverName must be another than restoreFrom.serverName, whose log is not its own',
  },
];
const MAX_CONNECTIONS = 'servers.postgres.maxConnections';

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

const listOf = (words: readonly string[]): string => `(list ${words.map((word) => `"${word}"`).join(' ')})`;

/** Names that only the product may give a value. */
const namesOf = (path: string, own: readonly string[], name: string, range: string, reason: string): string =>
  `{{- range ${range} := $.Values.${path} }}
{{- if has ${name} ${listOf(own)} }}
{{- fail (printf "${path} must not name %s, ${reason}" ${name}) }}
{{- end }}
{{- end }}
`;
const variablesOf = (path: string): string =>
  namesOf(path, OWN_VARIABLES, '$variable.name', '$variable', 'which the product sets');
const labelsOf = (path: string): string =>
  namesOf(path, OWN_LABELS, '$label', '$label, $value', 'by which the product finds its pods');

/** A template that renders nothing, and fails with a sentence where values contradict each other. */
export const rulesTemplate = (): string =>
  [
    ...RULES.map(check),
    ...POD_OWNERS.flatMap((owner) => [variablesOf(`${owner}.env`), labelsOf(`${owner}.podLabels`)]),
    labelsOf('service.labels'),
    '{{- if eq $.Values.servers.kafka.kind "operated" }}\n',
    countOf('broker'),
    countOf('controller'),
    ...KAFKA_RULES.map(check),
    '{{- else }}\n',
    ...MANAGED_KAFKA_RULES.map(check),
    '{{- end }}\n',
    '{{- if eq $.Values.servers.elasticsearch.kind "operated" }}\n',
    ...SEARCH_RULES.map(check),
    '{{- else }}\n',
    check(MANAGED_SEARCH_RULE),
    '{{- end }}\n',
    '{{- if eq $.Values.servers.postgres.kind "managed" }}\n',
    check(MANAGED_POSTGRES_RULE),
    '{{- else }}\n',
    ...MEMORY_RULES.map(check),
    ...RESTORE_RULES.map(check),
    `{{- if ${BACKUP} }}\n`,
    ...BACKUP_RULES.map(check),
    '{{- end }}\n',
    '{{- end }}\n',
    // Of a managed one it may be unknown.
    `{{- if $.Values.${MAX_CONNECTIONS} }}\n`,
    check(needsMoreThan(MAX_CONNECTIONS)),
    '{{- end }}\n',
  ].join('');
