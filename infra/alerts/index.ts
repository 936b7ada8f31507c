/** All rules, and the object that the Prometheus operator reads. */
import { DEFAULT_OVERDUE_HOURS } from '../environments/backup-age.ts';
import { apiRules } from './api.ts';
import { certificateRules } from './certificates.ts';
import { deadLetterRules } from './dead-letters.ts';
import { indexerRules } from './indexer.ts';
import { lagRules } from './lag.ts';
import { outboxRules } from './outbox.ts';
import { podRules } from './pods.ts';
import { isAlert, PARTS, seriesIn, type Part, type Rule, type RuleGroup } from './rule.ts';
import { searchRules } from './search.ts';
import { serverRules } from './servers.ts';
import { verifyRules } from './verify.ts';

const GROUPS = [
  apiRules,
  outboxRules,
  lagRules,
  indexerRules,
  deadLetterRules,
  searchRules,
  verifyRules,
  podRules,
  serverRules,
  certificateRules,
];

export interface RuleSettings {
  /** What the manifests run: all of it unless said. */
  readonly parts?: readonly Part[];
  /** Age of a whole backup of PostgreSQL. */
  readonly overdueHours?: number | undefined;
  /** How many nodes Elasticsearch has when none is missing. */
  readonly searchNodes?: number | undefined;
}

export const ruleGroups = (
  namespace: string,
  { parts = PARTS, overdueHours = DEFAULT_OVERDUE_HOURS, searchNodes = 1 }: RuleSettings = {},
): readonly RuleGroup[] =>
  GROUPS.map((group) => group(seriesIn(namespace), { overdueHours, searchNodes })).map(({ name, rules }) => ({
    name,
    rules: rules.filter((rule) => !isAlert(rule) || rule.part === undefined || parts.includes(rule.part)),
  }));

export interface RulesOptions extends RuleSettings {
  readonly namespace: string;
  /** Where docs/runbooks can be read. */
  readonly runbooksUrl: string;
}

/** What a file of rules holds, and a PrometheusRule's spec. */
export const rulesSpec = (options: RulesOptions) => ({
  groups: ruleGroups(options.namespace, options).map(({ name, rules }) => ({
    name,
    rules: rules.map((rule) => toPrometheus(rule, options)),
  })),
});

const toPrometheus = (rule: Rule, { namespace, runbooksUrl }: RulesOptions) => {
  if (!isAlert(rule)) return { record: rule.record, expr: rule.expr };
  const { alert, expr, severity, summary, description, runbook } = rule;
  return {
    alert,
    expr,
    for: rule.for,
    // `absent` and sums have lost it, and Alertmanager chooses the receiver by it.
    labels: { severity, namespace },
    annotations: { summary, description, runbook_url: runbookUrl(runbooksUrl, runbook) },
  };
};

export const runbookUrl = (runbooksUrl: string, page: string): string => `${runbooksUrl}/${page}.md`;
