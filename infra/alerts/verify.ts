/** Whether both stores are equal, as `ops verify` finds every night. */
import type { RuleGroup, Series } from './rule.ts';

const DAY_SECONDS = 24 * 60 * 60;

export const verifyRules = (series: Series): RuleGroup => {
  const last = series('taskstream_verify_last_run_timestamp_seconds');
  // 0 means that there was none.
  const lastRun = `max by (namespace, entity) (${last})`;
  return {
    name: 'taskstream-verify',
    rules: [
      {
        alert: 'TaskstreamVerifyFoundDrift',
        expr: `max by (namespace, entity, kind) (${series('taskstream_verify_drift')}) > 0`,
        for: '0m',
        severity: 'warning',
        summary: 'The search index differs from the database',
        description:
          '{{ $value }} documents of {{ $labels.entity }} are {{ $labels.kind }}: search shows something other than what is stored.',
        runbook: 'verify-drift',
      },
      {
        alert: 'TaskstreamVerifyUndecided',
        expr: `max by (namespace, entity) (${series('taskstream_verify_undecided')}) > 0`,
        // Over two nightly runs: a busy night alone leaves some open.
        for: '1d',
        severity: 'warning',
        summary: 'The comparison of the index with the database does not come to an end',
        description:
          '{{ $value }} differences of {{ $labels.entity }} could not be judged, as their events may have been on their way.',
        runbook: 'verify-drift',
      },
      {
        alert: 'TaskstreamVerifyOverdue',
        expr: `time() - (${lastRun} > 0) > ${1.5 * DAY_SECONDS}`,
        for: '10m',
        severity: 'warning',
        summary: 'The nightly comparison of the index with the database does not run',
        description: 'It ended {{ $value | humanizeDuration }} ago for the last time, for {{ $labels.entity }}.',
        runbook: 'verify-drift',
      },
      {
        alert: 'TaskstreamVerifyNeverRan',
        expr: `${lastRun} == 0 or absent(${last})`,
        for: '26h',
        severity: 'warning',
        summary: 'The index was never compared with the database',
        description: 'There is no result of a run, more than a day after this rule was made.',
        runbook: 'verify-drift',
      },
    ],
  };
};
