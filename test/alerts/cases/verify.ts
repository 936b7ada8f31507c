import { NS, OTHER, type AlertCase } from '../support/case.ts';

const ofEntity = (metric: string, entity: string, matchers = '') =>
  `taskstream_verify_${metric}{${NS},pod="verify",entity="${entity}"${matchers}}`;
const lastRun = (entity = 'task') => ofEntity('last_run_timestamp_seconds', entity);
const drift = (kind: string, entity = 'task') => ofEntity('drift', entity, `,kind="${kind}"`);
const undecided = (entity = 'task') => ofEntity('undecided', entity);

export const verifyAlerts: readonly AlertCase[] = [
  {
    alert: 'TaskstreamVerifyFoundDrift',
    firing: {
      series: { [drift('missing')]: '0 0 3x5', [drift('stale')]: '0x10', [drift('missing', 'note')]: '0x10' },
      at: '4m',
      labels: { kind: 'missing', entity: 'task' },
      description: '3 documents of task are missing: search shows something other than what is stored.',
    },
    quiet: { 'both are equal': { series: { [drift('missing')]: '0x10', [drift('stale')]: '0x10' }, at: '4m' } },
  },
  {
    alert: 'TaskstreamVerifyUndecided',
    interval: '1h',
    firing: {
      series: { [undecided()]: '4x40', [undecided('note')]: '0x40' },
      at: '30h',
      labels: { entity: 'task' },
      description: '4 differences of task could not be judged, as their events may have been on their way.',
    },
    quiet: {
      'one busy night': { series: { [undecided()]: '4x20 0x20' }, at: '30h' },
      'busy nights of two entities, one after the other': {
        series: { [undecided()]: '4x20 0x20', [undecided('note')]: '0x20 4x20' },
        at: '30h',
      },
    },
  },
  {
    alert: 'TaskstreamVerifyOverdue',
    interval: '1h',
    firing: {
      // promtool's clock starts in 1970. The run of another entity says nothing about this one.
      series: { [lastRun()]: '3600x50', [lastRun('note')]: '3600x24 86400x25' },
      at: '40h',
      labels: { entity: 'task' },
      description: 'It ended 1d 15h 0m 0s ago for the last time, for task.',
    },
    quiet: {
      'it ran last night': { series: { [lastRun()]: '3600x24 86400x25' }, at: '40h' },
      'it never ran, which is an alert of its own': { series: { [lastRun()]: '0x50' }, at: '40h' },
    },
  },
  {
    alert: 'TaskstreamVerifyNeverRan',
    interval: '1h',
    firing: {
      series: {
        [`taskstream_verify_last_run_timestamp_seconds{${OTHER}}`]: '3600x50',
        [lastRun()]: '0x50',
        [lastRun('note')]: '3600x50',
      },
      at: '30h',
      labels: { entity: 'task' },
      description: 'There is no result of a run, more than a day after this rule was made.',
    },
    quiet: {
      'it ran': { series: { [lastRun()]: '3600x50' }, at: '30h' },
      'the first night is to come': { series: { [lastRun()]: '0x50' }, at: '20h' },
    },
  },
];
