import { NS, OTHER, type AlertCase } from '../support/case.ts';

const age = (pod: string) => `taskstream_outbox_oldest_age_seconds{${NS},pod="${pod}"}`;
const rows = (pod: string) => `taskstream_outbox_rows{${NS},pod="${pod}"}`;
const maxRows = `taskstream_outbox_max_rows{${NS},pod="a"}`;
const refused = (pod: string) => `taskstream_outbox_refused_rows{${NS},pod="${pod}"}`;
const leader = (pod: string) => `taskstream_relay_leader{${NS},pod="${pod}"}`;
const slots = (pod: string) => `taskstream_relay_slots{${NS},pod="${pod}"}`;
const failures = `taskstream_relay_failures_total{${NS},pod="a",entity="task"}`;

export const outboxAlerts: readonly AlertCase[] = [
  {
    alert: 'TaskstreamOutboxOld',
    firing: {
      series: { [age('a')]: '90x10', [age('b')]: '88x10' },
      at: '5m',
      description: 'The oldest unpublished change has waited for 1m 30s.',
    },
    quiet: {
      'it is published within a minute': { series: { [age('a')]: '59x10' }, at: '5m' },
      'it was old for a moment': { series: { [age('a')]: '0 90 0 0 90 0' }, at: '5m' },
    },
  },
  {
    alert: 'TaskstreamOutboxStuck',
    firing: {
      series: { [age('a')]: '660x10' },
      at: '5m',
      description: 'The oldest unpublished change has waited for 11m 0s. Writes are safe; search does not see them.',
    },
    quiet: { 'it is only late': { series: { [age('a')]: '590x10' }, at: '5m' } },
  },
  {
    alert: 'TaskstreamOutboxFills',
    firing: {
      // 6,000 a minute: 1.5 million are there after 250 minutes.
      series: { [rows('a')]: '0+6000x60', [rows('b')]: '0+6000x60', [maxRows]: '1500000x60' },
      at: '45m',
      description:
        'At the rate of the last 30 minutes 1.71M changes wait in 4 hours, more than OUTBOX_MAX_ROWS or OUTBOX_MAX_BYTES allows.',
    },
    quiet: {
      'it takes days': { series: { [rows('a')]: '0+600x60', [maxRows]: '1500000x60' }, at: '45m' },
      'little waits yet': { series: { [rows('a')]: '0x58 7000 14000', [maxRows]: '1500000x60' }, at: '59m' },
      'it drains': { series: { [rows('a')]: '1400000-6000x60', [maxRows]: '1500000x60' }, at: '45m' },
    },
  },
  {
    alert: 'TaskstreamOutboxFull',
    firing: {
      series: { [rows('a')]: '1500000x10', [maxRows]: '1500000x10' },
      at: '5m',
      description: '1.5M changes wait, as many as OUTBOX_MAX_ROWS or OUTBOX_MAX_BYTES allows. Reads and search go on.',
    },
    quiet: { 'there is room': { series: { [rows('a')]: '1400000x10', [maxRows]: '1500000x10' }, at: '5m' } },
  },
  {
    alert: 'TaskstreamOutboxNotMeasured',
    firing: {
      series: {
        [leader('a')]: '1x20',
        [age('a')]: '3 3 _x18',
        [`taskstream_outbox_oldest_age_seconds{${OTHER}}`]: '0x20',
      },
      at: '15m',
      description:
        'The API runs, and PostgreSQL does not answer how old the oldest unpublished change is. The alerts about the outbox are blind.',
    },
    quiet: {
      'one replica can measure it': {
        series: { [leader('a')]: '1x20', [leader('b')]: '0x20', [age('b')]: '0x20' },
        at: '15m',
      },
      'no API runs': { series: { [`taskstream_relay_leader{${OTHER}}`]: '1x20' }, at: '15m' },
    },
  },
  {
    alert: 'TaskstreamChangesRefused',
    firing: {
      series: { [refused('a')]: '2x10', [refused('b')]: '2x10' },
      at: '5m',
      description: '2 changes are set aside with the reason. Search does not see them.',
    },
    quiet: { 'none is': { series: { [refused('a')]: '0x10' }, at: '5m' } },
  },
  {
    alert: 'TaskstreamNoActiveRelay',
    firing: {
      series: { [leader('a')]: '0x10', [leader('b')]: '0x10', [`taskstream_relay_leader{${OTHER}}`]: '1x10' },
      at: '5m',
      description: 'No API replica holds an advisory lock of the relay (0 active).',
    },
    quiet: {
      'one is active': { series: { [leader('a')]: '0x10', [leader('b')]: '1x10' }, at: '5m' },
      'another one takes over': { series: { [leader('a')]: '1 1 0 0 0 0', [leader('b')]: '0 0 0 1 1 1' }, at: '5m' },
    },
  },
  {
    alert: 'TaskstreamSlotsNotPublished',
    firing: {
      series: { [slots('a')]: '32x10', [slots('b')]: '31x10', [`taskstream_relay_slots{${OTHER}}`]: '64x10' },
      at: '5m',
      description: "The relays publish 63 of the outbox's 64 slots.",
    },
    quiet: {
      'they share all': { series: { [slots('a')]: '32x10', [slots('b')]: '32x10' }, at: '5m' },
      'a relay of the release before has them': { series: { [leader('a')]: '1x10', [slots('b')]: '0x10' }, at: '5m' },
      'they move to another one': { series: { [slots('a')]: '64 32 32 64', [slots('b')]: '0 0 0 0' }, at: '3m' },
    },
  },
  {
    alert: 'TaskstreamSeveralActiveRelays',
    firing: {
      series: { [slots('a')]: '64x10', [slots('b')]: '32x10' },
      at: '5m',
      description:
        'The relays say that they publish 96 of 64 slots. Events may be published twice and out of order; external versions keep the index right.',
    },
    quiet: {
      'one has all': { series: { [slots('a')]: '64x10', [slots('b')]: '0x10' }, at: '5m' },
      'two share them': { series: { [slots('a')]: '32x10', [slots('b')]: '32x10' }, at: '5m' },
      'another installation has its own': {
        series: { [slots('a')]: '64x10', [`taskstream_relay_slots{${OTHER}}`]: '64x10' },
        at: '5m',
      },
    },
  },
  {
    alert: 'TaskstreamRelayFails',
    firing: {
      series: { [failures]: '0+2x30' },
      at: '20m',
      labels: { entity: 'task' },
      description: '10 failures within 5 minutes, for 10 minutes already, with events of task.',
    },
    quiet: {
      'it failed once': { series: { [failures]: '0x5 1x30' }, at: '20m' },
      'nothing fails': { series: { [failures]: '7x30' }, at: '20m' },
    },
  },
];
