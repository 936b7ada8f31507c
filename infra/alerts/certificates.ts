/** Certificates that end, Secrets that are missing, settings that cannot be used. */
import { API } from '../charts/api.ts';
import { INDEXER } from '../charts/indexer.ts';
import { EXIT_INVALID_CONFIGURATION } from '../../services/task/resources.ts';
import type { RuleGroup, Series } from './rule.ts';

/** `charts/operators` has every operator renew earlier than that: what is left then was forgotten. */
export const CERTIFICATE_DAYS_LEFT = 14;
const STUCK =
  'CreateContainerConfigError|CreateContainerError|ContainerCreating|ErrImagePull|ImagePullBackOff|InvalidImageName';

export const certificateRules = (series: Series): RuleGroup => ({
  name: 'taskstream-certificates',
  rules: [
    {
      alert: 'TaskstreamCertificateExpires',
      expr: `min by (namespace, job, file) (${series('taskstream_certificate_expiry_timestamp_seconds')}) - time() < ${CERTIFICATE_DAYS_LEFT * 24 * 60 * 60}`,
      for: '1h',
      severity: 'critical',
      summary: 'A certificate that a service has loaded ends soon',
      description: '{{ $labels.file }} of {{ $labels.job }} ends in {{ $value | humanizeDuration }}.',
      runbook: 'certificates-and-secrets',
    },
    {
      alert: 'TaskstreamRenewalNotInUse',
      expr: `max by (namespace, pod, job, server, client) (${series('taskstream_renewal_pending')}) == 1`,
      for: '15m',
      severity: 'critical',
      summary: 'A certificate or a login was renewed, and a service still uses the one of before',
      description:
        '{{ $labels.client }} of {{ $labels.pod }} to {{ $labels.server }} cannot use what its files say now.',
      runbook: 'certificates-and-secrets',
    },
    {
      alert: 'TaskstreamPodCannotStart',
      expr: `max by (namespace, pod, reason) (${series('kube_pod_container_status_waiting_reason', `reason=~"${STUCK}"`)}) == 1`,
      for: '10m',
      severity: 'critical',
      summary: 'A pod cannot start: a Secret, a ConfigMap or an image is missing',
      description: '{{ $labels.pod }} waits with {{ $labels.reason }}.',
      runbook: 'certificates-and-secrets',
    },
    {
      alert: 'TaskstreamInvalidConfiguration',
      expr: `max by (namespace, pod) (${series('kube_pod_container_status_last_terminated_exitcode', `container=~"${API}|${INDEXER}"`)}) == ${EXIT_INVALID_CONFIGURATION}`,
      for: '1m',
      severity: 'critical',
      summary: 'A service refuses its settings',
      description: '{{ $labels.pod }} ended with exit code {{ $value }}; its log lists every fault.',
      runbook: 'certificates-and-secrets',
    },
  ],
});
