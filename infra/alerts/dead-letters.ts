/** Events that can never be indexed. */
import type { RuleGroup, Series } from './rule.ts';

const FLOOD_EVENTS = 100;

export const deadLetterRules = (series: Series): RuleGroup => {
  // This counter is there from the start: one that appeared with its first event would hide that event from `increase`.
  const buried = series('taskstream_indexer_events_total', 'outcome="dead_letter"');
  return {
    name: 'taskstream-dead-letters',
    rules: [
      {
        alert: 'TaskstreamDeadLetters',
        expr: `sum by (namespace) (increase(${buried}[10m])) > 0`,
        for: '0m',
        severity: 'warning',
        summary: 'Events could not be indexed and are in the dead-letter topic',
        description: '{{ $value | humanize }} events within 10 minutes. Search does not show these changes.',
        runbook: 'poison-flood',
      },
      {
        alert: 'TaskstreamDeadLetterFlood',
        expr: `sum by (namespace) (increase(${buried}[5m])) > ${FLOOD_EVENTS}`,
        for: '1m',
        severity: 'critical',
        summary: 'Many events cannot be indexed',
        description: '{{ $value | humanize }} events went to the dead-letter topic within 5 minutes.',
        runbook: 'poison-flood',
      },
      {
        alert: 'TaskstreamIndexRejectsDocuments',
        expr: `sum by (namespace) (increase(${series('taskstream_indexer_dead_letters_total', 'reason="rejected_by_index"')}[10m])) > 0`,
        for: '1m',
        severity: 'critical',
        summary: 'The mapping of the index refuses tasks that the API accepts',
        description:
          'Elasticsearch rejected {{ $value | humanize }} documents within 10 minutes; its mapping does not fit them.',
        runbook: 'bad-mapping',
      },
    ],
  };
};
