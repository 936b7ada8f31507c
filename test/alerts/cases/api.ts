import { NS, type AlertCase } from '../support/case.ts';

const requests = (status: number, route = '/tasks') =>
  `taskstream_http_requests_total{${NS},pod="a",method="POST",route="${route}",status="${status}"}`;
const bucket = (le: string) =>
  `taskstream_http_request_duration_seconds_bucket{${NS},pod="a",method="POST",route="/tasks",le="${le}"}`;

export const apiAlerts: readonly AlertCase[] = [
  {
    alert: 'TaskstreamApiErrors',
    firing: {
      series: { [requests(201)]: '0+950x20', [requests(503)]: '0+50x20', [requests(200, '/tasks/search')]: '0+9x20' },
      at: '10m',
      labels: { route: '/tasks' },
      description: '5% of the calls to /tasks answer 5xx.',
    },
    quiet: {
      'one in a thousand fails': { series: { [requests(201)]: '0+9990x20', [requests(500)]: '0+10x20' }, at: '10m' },
      'callers are wrong': { series: { [requests(201)]: '0+50x20', [requests(400)]: '0+50x20' }, at: '10m' },
      'a single failure in a quiet night': {
        series: { [requests(201)]: '0+1x20', [requests(500)]: '0x7 1x20' },
        at: '10m',
      },
    },
  },
  {
    alert: 'TaskstreamApiSlow',
    firing: {
      series: { [bucket('1')]: '0+950x30', [bucket('3')]: '0+1000x30', [bucket('+Inf')]: '0+1000x30' },
      at: '20m',
      labels: { route: '/tasks' },
      description: 'One call in a hundred to /tasks takes 2.6s or longer.',
    },
    quiet: {
      'nearly all are quick': {
        series: { [bucket('1')]: '0+995x30', [bucket('3')]: '0+1000x30', [bucket('+Inf')]: '0+1000x30' },
        at: '20m',
      },
    },
  },
  {
    alert: 'TaskstreamCommitsWait',
    firing: {
      series: {
        [`taskstream_database_commits_waiting{${NS},pod="a"}`]: '0 4x10',
        [`taskstream_database_commits_waiting{${NS},pod="b"}`]: '0 6x10',
      },
      at: '5m',
      description:
        '6 commits of a replica wait for a synchronous standby that does not confirm. Reads, search and publication go on.',
    },
    quiet: {
      'a standby is back at once': {
        series: { [`taskstream_database_commits_waiting{${NS},pod="a"}`]: '0 6 0 0 6 0' },
        at: '5m',
      },
    },
  },
];

export const searchAlerts: readonly AlertCase[] = [
  {
    alert: 'TaskstreamSearchBreakerOpen',
    firing: {
      series: {
        [`taskstream_search_breaker_open{${NS},pod="a"}`]: '1x10',
        [`taskstream_search_breaker_open{${NS},pod="b"}`]: '1x10',
        [`taskstream_search_breaker_open{${NS},pod="c"}`]: '0x10',
      },
      at: '5m',
      description: '2 API replicas refuse searches at once because Elasticsearch fails. All other calls work.',
    },
    quiet: { 'all are closed': { series: { [`taskstream_search_breaker_open{${NS},pod="a"}`]: '0x10' }, at: '5m' } },
  },
];
