/** Changes are stored and not yet published: they wait in PostgreSQL. */
import type { RuleGroup, Series } from './rule.ts';

const OLD_SECONDS = 60;
const STUCK_SECONDS = 600;
/** Parts of the outbox that are dealt out over the relays. */
const SLOTS = 64;
/** Time for a person to come before writes are refused. */
const AHEAD_SECONDS = 4 * 3_600;

export const outboxRules = (series: Series): RuleGroup => {
  const age = `max by (namespace) (${series('taskstream_outbox_oldest_age_seconds')})`;
  const rows = `max by (namespace) (${series('taskstream_outbox_rows')})`;
  const maxRows = `min by (namespace) (${series('taskstream_outbox_max_rows')})`;
  const slots = `sum by (namespace) (${series('taskstream_relay_slots')})`;
  const leaders = `sum by (namespace) (${series('taskstream_relay_leader')})`;
  return {
    name: 'taskstream-outbox',
    rules: [
      {
        alert: 'TaskstreamOutboxOld',
        expr: `${age} > ${OLD_SECONDS}`,
        for: '2m',
        severity: 'warning',
        summary: 'Changes are published late',
        description: 'The oldest unpublished change has waited for {{ $value | humanizeDuration }}.',
        runbook: 'outbox-grows',
      },
      {
        alert: 'TaskstreamOutboxStuck',
        expr: `${age} > ${STUCK_SECONDS}`,
        for: '1m',
        severity: 'critical',
        summary: 'Changes are not published',
        description:
          'The oldest unpublished change has waited for {{ $value | humanizeDuration }}. Writes are safe; search does not see them.',
        runbook: 'outbox-grows',
      },
      {
        alert: 'TaskstreamOutboxFills',
        expr: `predict_linear((${rows})[30m:1m], ${AHEAD_SECONDS}) > on (namespace) ${maxRows} and on (namespace) ${rows} > ${maxRows} / 100`,
        for: '10m',
        severity: 'critical',
        summary: 'Writes will be refused soon: the outbox fills up',
        description:
          'At the rate of the last 30 minutes {{ $value | humanize }} changes wait in 4 hours, more than OUTBOX_MAX_ROWS or OUTBOX_MAX_BYTES allows.',
        runbook: 'outbox-grows',
      },
      {
        alert: 'TaskstreamOutboxFull',
        expr: `${rows} >= on (namespace) ${maxRows}`,
        for: '1m',
        severity: 'critical',
        summary: 'Writes are refused: the outbox is full',
        description:
          '{{ $value | humanize }} changes wait, as many as OUTBOX_MAX_ROWS or OUTBOX_MAX_BYTES allows. Reads and search go on.',
        runbook: 'outbox-grows',
      },
      {
        alert: 'TaskstreamOutboxNotMeasured',
        expr: `max by (namespace) (${series('taskstream_relay_leader')}) unless on (namespace) ${age}`,
        for: '5m',
        severity: 'critical',
        summary: 'Nobody can say how many changes wait',
        description:
          'The API runs, and PostgreSQL does not answer how old the oldest unpublished change is. The alerts about the outbox are blind.',
        runbook: 'outbox-grows',
      },
      {
        alert: 'TaskstreamChangesRefused',
        expr: `max by (namespace) (${series('taskstream_outbox_refused_rows')}) > 0`,
        for: '1m',
        severity: 'warning',
        summary: 'Kafka refused changes for good',
        description: '{{ $value }} changes are set aside with the reason. Search does not see them.',
        runbook: 'outbox-grows',
      },
      {
        alert: 'TaskstreamNoActiveRelay',
        expr: `${leaders} < 1`,
        for: '2m',
        severity: 'critical',
        summary: 'No relay is active: changes are not published',
        description: 'No API replica holds an advisory lock of the relay ({{ $value }} active).',
        runbook: 'outbox-grows',
      },
      {
        // A relay of the release before has all of them, and no such figure.
        alert: 'TaskstreamSlotsNotPublished',
        expr: `${slots} > 0 < ${SLOTS}`,
        for: '2m',
        severity: 'critical',
        summary: 'A part of the outbox has no relay: its changes are not published',
        description: `The relays publish {{ $value }} of the outbox's ${SLOTS} slots.`,
        runbook: 'outbox-grows',
      },
      {
        alert: 'TaskstreamSeveralActiveRelays',
        expr: `${slots} > ${SLOTS}`,
        for: '3m',
        severity: 'warning',
        summary: 'More than one relay believes that a part of the outbox is its own',
        description: `The relays say that they publish {{ $value }} of ${SLOTS} slots. Events may be published twice and out of order; external versions keep the index right.`,
        runbook: 'outbox-grows',
      },
      {
        alert: 'TaskstreamRelayFails',
        expr: `sum by (namespace, entity) (increase(${series('taskstream_relay_failures_total')}[5m])) > 0`,
        for: '10m',
        severity: 'warning',
        summary: 'Kafka does not confirm what the relay publishes, or its database session breaks',
        description:
          '{{ $value | humanize }} failures within 5 minutes, for 10 minutes already, with events of {{ $labels.entity }}.',
        runbook: 'broker-lost',
      },
    ],
  };
};
