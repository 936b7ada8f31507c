/** Around every request: its id, its span, its metrics, and one log line. */
import type { IncomingMessage } from 'node:http';
import { SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import type { MiddlewareHandler } from 'hono';
import type { Logger } from '../../logger.ts';
import { contextFrom, traceHeadersOf } from '../../telemetry.ts';
import type { ApiEnv } from '../api-env.ts';
import type { ApiMetrics } from '../metrics.ts';

export interface RequestContextOptions {
  readonly logger: Logger;
  readonly tracer: Tracer;
  readonly metrics: ApiMetrics;
  /** True once the process has begun to stop. */
  readonly isStopping: () => boolean;
}

/** What nginx and others log for a client that did not wait for its answer; nobody is sent it. */
const CLIENT_CLOSED_REQUEST = 499;

/** Whether the client went before it had sent all, or before an answer that is no fault of ours. */
const hangsUp = (incoming: IncomingMessage, status: number): boolean =>
  incoming.socket.destroyed && (!incoming.complete || status < 500);

export const requestContext =
  ({ logger, tracer, metrics, isStopping }: RequestContextOptions): MiddlewareHandler<ApiEnv> =>
  async (c, next) => {
    const startedAt = performance.now();
    const { method } = c.req;
    const span = tracer.startSpan(
      method,
      { kind: SpanKind.SERVER, attributes: { 'http.request.method': method, 'url.path': c.req.path } },
      contextFrom({ traceparent: c.req.header('traceparent'), tracestate: c.req.header('tracestate') }),
    );
    const headers = traceHeadersOf(span.spanContext());
    c.set('traceHeaders', headers);
    await next();
    const route = c.get('route') ?? 'none';
    const status = hangsUp(c.env.incoming, c.res.status) ? CLIENT_CLOSED_REQUEST : c.res.status;
    const seconds = (performance.now() - startedAt) / 1_000;
    // A client that keeps its connection would otherwise hold up the stop, or lose its next request to it.
    if (isStopping()) c.header('connection', 'close');
    metrics.requests.inc({ method, route, status: c.get('countedStatus') ?? status });
    metrics.duration.observe({ method, route }, seconds);
    span.updateName(`${method} ${route}`);
    span.setAttributes({ 'http.route': route, 'http.response.status_code': status });
    if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
    const line = {
      requestId: c.get('requestId'),
      ...(headers.traceparent === null ? {} : { traceId: span.spanContext().traceId }),
      method,
      path: c.req.path,
      route,
      status,
      ms: Math.round(seconds * 1_000_000) / 1_000,
    };
    const failure: unknown = c.get('failure');
    if (status >= 500) logger.error({ ...line, err: failure }, 'request failed');
    else if (failure !== undefined && status < 400)
      logger.error({ ...line, err: failure }, 'a part of a request failed');
    else logger.info(line, 'request');
  };
