/** The table of alerts in docs/runbooks/README.md; a test compares. */
import { ruleGroups } from './index.ts';
import { isAlert } from './rule.ts';

export const alertTable = (): string =>
  [
    '| alert | severity | what it says | page |',
    '| --- | --- | --- | --- |',
    ...ruleGroups('any')
      .flatMap((group) => group.rules)
      .filter(isAlert)
      .map(
        ({ alert, severity, summary, runbook }) =>
          `| \`${alert}\` | ${severity} | ${summary} | [${runbook}](${runbook}.md) |`,
      ),
  ].join('\n');
