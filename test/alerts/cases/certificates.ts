import { NS, type AlertCase } from '../support/case.ts';

const DAY_SECONDS = 86_400;
const expiry = `taskstream_certificate_expiry_timestamp_seconds{${NS},job="taskstream-api",pod="a",file="/etc/taskstream/kafka/ca.crt"}`;
const pending = `taskstream_renewal_pending{${NS},job="taskstream-api",pod="a",server="kafka",client="taskstream-relay"}`;
const waiting = (reason: string) =>
  `kube_pod_container_status_waiting_reason{${NS},pod="taskstream-x",container="api",reason="${reason}"}`;
const exitCode = `kube_pod_container_status_last_terminated_exitcode{${NS},pod="taskstream-x",container="api"}`;

export const certificateAlerts: readonly AlertCase[] = [
  {
    alert: 'TaskstreamCertificateExpires',
    interval: '1h',
    firing: {
      // promtool's clock starts in 1970.
      series: { [expiry]: `${10 * DAY_SECONDS}x60` },
      at: '48h',
      labels: { job: 'taskstream-api', file: '/etc/taskstream/kafka/ca.crt' },
      description: '/etc/taskstream/kafka/ca.crt of taskstream-api ends in 8d 0h 0m 0s.',
    },
    quiet: { 'there is time': { series: { [expiry]: `${20 * DAY_SECONDS}x60` }, at: '48h' } },
  },
  {
    alert: 'TaskstreamRenewalNotInUse',
    firing: {
      series: { [pending]: '0 0 1x40' },
      at: '20m',
      labels: { job: 'taskstream-api', pod: 'a', server: 'kafka', client: 'taskstream-relay' },
      description: 'taskstream-relay of a to kafka cannot use what its files say now.',
    },
    quiet: {
      'the new one took over': { series: { [pending]: '0 0 1x10 0x30' }, at: '20m' },
      'its process has ended': { series: { [pending]: '1x10 stale' }, at: '20m' },
    },
  },
  {
    alert: 'TaskstreamPodCannotStart',
    firing: {
      series: { [waiting('CreateContainerConfigError')]: '1x30' },
      at: '15m',
      labels: { pod: 'taskstream-x', reason: 'CreateContainerConfigError' },
      description: 'taskstream-x waits with CreateContainerConfigError.',
    },
    quiet: {
      'it has started': { series: { [waiting('CreateContainerConfigError')]: '1 1 1 0x30' }, at: '15m' },
      'it started and crashed': { series: { [waiting('CrashLoopBackOff')]: '1x30' }, at: '15m' },
    },
  },
  {
    alert: 'TaskstreamInvalidConfiguration',
    firing: {
      series: { [exitCode]: '78x10' },
      at: '5m',
      labels: { pod: 'taskstream-x' },
      description: 'taskstream-x ended with exit code 78; its log lists every fault.',
    },
    quiet: { 'it ended otherwise': { series: { [exitCode]: '137x10' }, at: '5m' } },
  },
];
