/** What travels with a request through the middleware. */
import type { HttpBindings } from '@hono/node-server';
import type { Actor } from '../auth/actor.ts';
import type { Identity, Session } from './middleware/authenticate.ts';
import type { TraceHeaders } from '../telemetry.ts';

export interface ApiEnv {
  Bindings: HttpBindings;
  Variables: {
    requestId: string;
    /** Path pattern of the route, such as `/tasks/{id}`; the label of metrics and logs. */
    route: string | undefined;
    /** Who is calling, where the API asks. */
    identity: Identity | undefined;
    /** The session of the browser, where there is one. */
    session: Session | undefined;
    /** On whose behalf a route reads and changes. */
    actor: Actor;
    /** Trace context that events of this request carry. */
    traceHeaders: TraceHeaders;
    /** The error behind a 5xx answer, for the log. */
    failure: unknown;
    /** The status under which the request counts in metrics, where a part of it failed and others did not. */
    countedStatus: number | undefined;
    /**
     * Counts a request as so many for the rate limit, where there is one.
     * @throws TaskstreamError `rate_limited` where others have used it up meanwhile
     */
    charge: ((requests: number) => void) | undefined;
  };
}
