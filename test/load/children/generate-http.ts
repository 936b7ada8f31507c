/** Load on the API by autocannon: closed loop, one request at a time on each connection. */
import autocannon from 'autocannon';
import { answerOrder } from '../child.ts';
import { descriptionOf, queryOf } from '../tasks.ts';
import { creationOf, searchFor, updateOf } from '../../support/sample.ts';

export const OPERATIONS = ['create', 'update', 'read', 'list', 'search'] as const;
export type Operation = (typeof OPERATIONS)[number];

export interface HttpOrder {
  readonly url: string;
  readonly operation: Operation;
  readonly connections: number;
  readonly seconds: number;
  /** Ids of tasks that are there. */
  readonly ids: readonly string[];
  /** Requests a second, all connections together; as many as go when not given. */
  readonly rate?: number;
  /** Access tokens, of which each request has the next; none when not given. */
  readonly tokens?: readonly string[];
}

export interface HttpResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers other than 2xx, and requests without one. */
  readonly failures: number;
}

const JSON_HEADERS = { 'content-type': 'application/json' };

const requestsOf = ({ operation, ids }: HttpOrder): autocannon.Request => {
  let turn = 0;
  const next = () => (turn += 1);
  const id = () => ids[(next() * 7_919) % ids.length] ?? '';
  switch (operation) {
    case 'create':
      return {
        method: 'POST',
        path: '/tasks',
        headers: JSON_HEADERS,
        setupRequest: (request) => ({
          ...request,
          body: JSON.stringify(creationOf(descriptionOf(next()), 1)),
        }),
      };
    case 'update':
      return {
        method: 'PUT',
        headers: JSON_HEADERS,
        setupRequest: (request) => ({
          ...request,
          path: `/tasks/${id()}`,
          body: JSON.stringify(updateOf(descriptionOf(turn))),
        }),
      };
    case 'read':
      return { method: 'GET', setupRequest: (request) => ({ ...request, path: `/tasks/${id()}` }) };
    case 'list':
      return { method: 'GET', path: '/tasks?limit=20' };
    case 'search':
      return {
        method: 'POST',
        path: '/tasks/search',
        headers: JSON_HEADERS,
        setupRequest: (request) => ({ ...request, body: JSON.stringify({ ...searchFor(queryOf(next())), size: 10 }) }),
      };
  }
};

const withTokens = (request: autocannon.Request, tokens: readonly string[]): autocannon.Request => {
  if (tokens.length === 0) return request;
  const { setupRequest } = request;
  let turn = 0;
  return {
    ...request,
    setupRequest: (next, context) => {
      const { headers, ...rest } = typeof setupRequest === 'function' ? setupRequest(next, context) : next;
      const authorization = `Bearer ${tokens[(turn += 1) % tokens.length]}`;
      return { ...rest, headers: { ...headers, authorization } };
    },
  };
};

answerOrder<HttpOrder>(async (order) => {
  const { url, connections, seconds, rate } = order;
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    requests: [withTokens(requestsOf(order), order.tokens ?? [])],
    ...(rate === undefined ? {} : { overallRate: rate }),
  });
  return {
    requests: result.requests.total,
    perSecond: result.requests.total / result.duration,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    failures: result.non2xx + result.errors,
  };
});
