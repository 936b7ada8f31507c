/** The HTTP application: middleware, routes, documentation. It listens to nothing by itself. */
import type { Tracer } from '@opentelemetry/api';
import { Hono, type Context } from 'hono';
import { cors } from 'hono/cors';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { requestId } from 'hono/request-id';
import type { PlacedEntity } from '../pipeline/entity.ts';
import { TaskstreamError } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { ApiEnv } from '../platform/http/api-env.ts';
import type { Console } from './console/console.ts';
import type { ApiMetrics } from '../platform/http/metrics.ts';
import { ANYBODY } from '../platform/auth/actor.ts';
import { authorize, identify, identifySession, type Authentication } from '../platform/http/middleware/authenticate.ts';
import { limitBody } from '../platform/http/middleware/limit-body.ts';
import { limitRate } from '../platform/http/middleware/limit-rate.ts';
import { requestContext } from '../platform/http/middleware/request-context.ts';
import { toProblemResponse } from '../platform/http/problem.ts';
import type { Route } from '../platform/http/route.ts';
import { addDocs } from './docs.ts';

/** Largest request body, in bytes, where a route does not say more. */
export const MAX_BODY_BYTES = 65_536;

/** What the bodies of unanswered requests hold together, in bytes. All that is made of them takes more than twice as much. */
const MAX_HELD_BYTES = 67_108_864;
/** As much of it as the bodies of a route with a bound of its own have. */
const MAX_HELD_LARGE_BYTES = 16_777_216;

/**
 * What all answers tell browsers; pages have a policy of their own besides. Node's response has them from the start: on the
 * `Headers` of each answer, where Hono's `secureHeaders` sets them, they take 1 µs more of the 14 that the application needs for a read.
 */
const SECURITY_HEADERS = new Map([
  ['cross-origin-opener-policy', 'same-origin'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['referrer-policy', 'no-referrer'],
  ['strict-transport-security', 'max-age=15552000; includeSubDomains'],
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'SAMEORIGIN'],
]);

export interface AppOptions {
  readonly routes: readonly Route[];
  /** Whose events `/asyncapi.json` describes. */
  readonly entities: readonly PlacedEntity[];
  readonly logger: Logger;
  readonly tracer: Tracer;
  readonly metrics: ApiMetrics;
  readonly corsOrigins: readonly string[];
  /** 0 turns the limit off. */
  readonly rateLimitPerMinute: number;
  /** Proxies in front that write `X-Forwarded-For`. */
  readonly trustedProxies: number;
  readonly isStopping: () => boolean;
  /** How callers are identified; without it whoever reaches the API may call it. */
  readonly authentication?: Authentication | undefined;
  /** The console, where it is wanted. */
  readonly taskConsole?: Console | undefined;
}

export const createApp = (options: AppOptions): Hono<ApiEnv> => {
  const app = new Hono<ApiEnv>();
  app.onError(toProblemResponse);
  app.notFound((c) =>
    toProblemResponse(new TaskstreamError('route_not_found', `There is nothing at ${c.req.path}; see /docs.`), c),
  );
  app.use(requestId());
  app.use(requestContext(options));
  app.use((c, next) => {
    c.env.outgoing.setHeaders(SECURITY_HEADERS);
    return next();
  });
  if (options.corsOrigins.length > 0) {
    app.use(
      cors({
        origin: options.corsOrigins.includes('*') ? '*' : [...options.corsOrigins],
        exposeHeaders: ['ETag', 'Location', 'Idempotent-Replayed', 'Retry-After', 'WWW-Authenticate', 'X-Request-Id'],
        maxAge: 600,
      }),
    );
  }
  const limit =
    options.rateLimitPerMinute > 0 ? limitRate(options.rateLimitPerMinute, options.trustedProxies) : undefined;
  if (options.authentication !== undefined) {
    const isRefused = limit?.isExceeded ?? (() => false);
    const who = identify(options.authentication, isRefused);
    // What is for everybody asks nobody, and waits for no issuer.
    for (const { document } of options.routes) app.on(document.method.toUpperCase(), toHonoPath(document.path), who);
    const { sessions } = options.authentication;
    if (sessions !== undefined) app.use('/console/*', identifySession(sessions, isRefused));
  }
  if (limit !== undefined) app.use(limit.middleware);
  const { routes } = options;
  const [literal, parameterised] = [routes.filter(isLiteral), routes.filter((route) => !isLiteral(route))];
  const literalMethods = methodsByPath(literal);
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) => refuseMethod(c, literalMethods.get(c.req.path) ?? methods),
    }),
  );
  // Bodies are counted before they have arrived: a few large ones that never do must not shut out all others.
  const ordinary = limitBody(MAX_BODY_BYTES, MAX_HELD_BYTES - MAX_HELD_LARGE_BYTES);
  const large = new Map(
    routes.flatMap(({ document, maxBodyBytes }) =>
      maxBodyBytes === undefined ? [] : [[document.path, limitBody(maxBodyBytes, MAX_HELD_LARGE_BYTES)]],
    ),
  );
  app.use((c, next) => (large.get(c.req.path) ?? ordinary)(c, next));
  for (const route of [...literal, ...parameterised]) addRoute(app, route, literalMethods, options.authentication);
  addDocs(app, routes, options.entities, options.authentication);
  options.taskConsole?.addTo(app);
  return app;
};

const isLiteral = ({ document }: Route): boolean => !document.path.includes('{');

const addRoute = (
  app: Hono<ApiEnv>,
  { document, access, handle }: Route,
  literalMethods: ReadonlyMap<string, readonly string[]>,
  authentication: Authentication | undefined,
): void => {
  app.on(document.method.toUpperCase(), toHonoPath(document.path), (c) => {
    // `/tasks/search` is also a task's path here: what it does not take must not be taken for an id. Were a route for all its
    // methods to say so, Hono's fastest router could not serve: it takes no literal path beside a parameter of the same method.
    const methods = literalMethods.get(c.req.path);
    if (methods?.includes(c.req.method) === false) return refuseMethod(c, methods);
    c.set('route', document.path);
    c.set('actor', authentication === undefined ? ANYBODY : authorize(c, access, authentication));
    return handle(c);
  });
};

/** The methods of each path; Hono answers HEAD wherever it answers GET. */
const methodsByPath = (routes: readonly Route[]): ReadonlyMap<string, readonly string[]> => {
  const methods = new Map<string, string[]>();
  for (const { document } of routes) {
    const own = document.method === 'get' ? ['GET', 'HEAD'] : [document.method.toUpperCase()];
    methods.set(document.path, [...(methods.get(document.path) ?? []), ...own]);
  }
  return methods;
};

const refuseMethod = (c: Context<ApiEnv>, methods: readonly string[]): Response => {
  c.header('allow', methods.join(', '));
  return toProblemResponse(new TaskstreamError('method_not_allowed', `${c.req.path} takes ${methods.join(', ')}.`), c);
};

/** `/tasks/{id}` of OpenAPI is `/tasks/:id` here. */
const toHonoPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');
