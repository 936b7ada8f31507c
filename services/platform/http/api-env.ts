/** What travels with a request through the middleware. */
import type { HttpBindings } from '@hono/node-server';
import type { TraceHeaders } from '../telemetry.ts';

export interface ApiEnv {
  Bindings: HttpBindings;
  Variables: {
    requestId: string;
    /** Path pattern of the route, such as `/tasks/{id}`; the label of metrics and logs. */
    route: string | undefined;
    /** Trace context that events of this request carry. */
    traceHeaders: TraceHeaders;
    /** The error behind a 5xx answer, for the log. */
    failure: unknown;
  };
}
