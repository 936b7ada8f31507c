import { NS, OTHER, type AlertCase } from '../support/case.ts';

const lastRun = `taskstream_verify_last_run_timestamp_seconds{${NS},pod="verify"}`;
const drift = (kind: string) => `taskstream_verify_drift{${NS},pod="verify",kind="${kind}"}`;
const undecided = `taskstream_verify_undecided{${NS},pod="verify"}`;

export const verifyAlerts: readonly AlertCase[] = [
  {
    alert: 'TaskstreamVerifyFoundDrift',
    firing: {
      series: { [drift('missing')]: '0 0 3x5', [drift('stale')]: '0x10' },
      at: '4m',
      labels: { kind: 'missing' },
      description: '3 documents are missing: search shows something other than what is stored.',
    },
    quiet: { 'both are equal': { series: { [drift('missing')]: '0x10', [drift('stale')]: '0x10' }, at: '4m' } },
  },
  {
    alert: 'TaskstreamVerifyUndecided',
    interval: '1h',
    firing: {
      series: { [undecided]: '4x40' },
      at: '30h',
      description: '4 differences could not be judged, as their events may have been on their way.',
    },
    quiet: { 'one busy night': { series: { [undecided]: '4x20 0x20' }, at: '30h' } },
  },
  {
    alert: 'TaskstreamVerifyOverdue',
    interval: '1h',
    firing: {
      // promtool's clock starts in 1970.
      series: { [lastRun]: '3600x50' },
      at: '40h',
      description: 'It ended 1d 15h 0m 0s ago for the last time.',
    },
    quiet: {
      'it ran last night': { series: { [lastRun]: '3600x24 86400x25' }, at: '40h' },
      'it never ran, which is an alert of its own': { series: { [lastRun]: '0x50' }, at: '40h' },
    },
  },
  {
    alert: 'TaskstreamVerifyNeverRan',
    interval: '1h',
    firing: {
      series: { [`taskstream_verify_last_run_timestamp_seconds{${OTHER}}`]: '3600x50', [lastRun]: '0x50' },
      at: '30h',
      description: 'There is no result of a run, more than a day after this rule was made.',
    },
    quiet: {
      'it ran': { series: { [lastRun]: '3600x50' }, at: '30h' },
      'the first night is to come': { series: { [lastRun]: '0x50' }, at: '20h' },
    },
  },
];
