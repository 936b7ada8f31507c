/**
 * The second port of a service: `/livez` (restart me?), `/readyz` (send me work?), `/metrics` (Prometheus).
 * It stays apart from the public port, so that an ingress cannot expose it and load on the API cannot starve it.
 */
import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import type { Registry } from 'prom-client';
import { optionalText, readEnv, type EnvSpec } from '../env.ts';
import { messageOf } from '../errors.ts';
import {
  boundUnfinishedBodies,
  closeServer,
  connectionEnv,
  serverOptionsOf,
  makeRoomForNew,
  watchConnections,
  type ConnectionConfig,
} from './connections.ts';
import { answerProtocolErrors, faultOf, problemOf, respond, toResponse } from './protocol-errors.ts';
import { withDeadline } from '../time.ts';

export const listenEnv = {
  HOST: {
    schema: optionalText(),
    defaultText: 'all addresses, IPv6 and IPv4',
    description: 'Address to listen on.',
  },
} as const satisfies EnvSpec;

/** Most connections to the second port: probes and Prometheus have few, and the rest of the process must not miss them. */
export const HEALTH_CONNECTIONS = 32;

/** Those of them that may be there when one more comes; the others are for what comes before a place is free. */
const HEALTH_CONNECTIONS_KEPT = 24;

/**
 * Its connections keep a place only while they are used, and only until others need it: those that somebody leaves idle,
 * silent or unfinished would shut the port to probes. A probe needs none that is kept, and Prometheus opens another one at
 * no cost.
 */
const HEALTH_TIMES = { KEEP_ALIVE_TIMEOUT_MS: '5000', HEADERS_TIMEOUT_MS: '4000', REQUEST_TIMEOUT_MS: '4000' };

/** Passes, or throws with the reason why not. */
export interface HealthCheck {
  readonly name: string;
  readonly check: () => void | Promise<void>;
}

export interface HealthOptions {
  /** As `listen` takes it. */
  readonly host: string | undefined;
  readonly port: number;
  readonly live: readonly HealthCheck[];
  readonly ready: readonly HealthCheck[];
  readonly metrics: Registry;
  /** Bound on one check, below the probe's own timeout. */
  readonly checkTimeoutMs?: number;
}

export interface HealthServer {
  /** The port in use: the one asked for, or the one the system chose for 0. */
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** Starts listening. Rejects when the port is taken. */
export const startHealthServer = async (options: HealthOptions): Promise<HealthServer> => {
  const { host, port, metrics, checkTimeoutMs = 2_000 } = options;
  const app = new Hono();

  const report = (checks: readonly HealthCheck[]) => async (): Promise<Response> => {
    const results = await Promise.all(
      checks.map(async ({ name, check }): Promise<[string, string]> => {
        try {
          await withDeadline(Promise.resolve(check()), checkTimeoutMs, name);
          return [name, 'ok'];
        } catch (error) {
          return [name, messageOf(error)];
        }
      }),
    );
    const ok = results.every(([, result]) => result === 'ok');
    return Response.json(
      { status: ok ? 'ok' : 'failing', checks: Object.fromEntries(results) },
      { status: ok ? 200 : 503 },
    );
  };

  app.get('/livez', report(options.live));
  app.get('/readyz', report(options.ready));
  app.get('/metrics', async (c) => c.body(await metrics.metrics(), 200, { 'content-type': metrics.contentType }));

  const { server, port: actualPort } = await listen(app.fetch, host, port, {
    maxConnections: HEALTH_CONNECTIONS,
    keptConnections: HEALTH_CONNECTIONS_KEPT,
    config: readEnv(connectionEnv, HEALTH_TIMES),
  });
  return { port: actualPort, close: () => closeServer(server) };
};

export interface ListenOptions {
  /** Further connections are closed at once; no bound when left out. */
  readonly maxConnections?: number;
  /** Beyond so many, each new connection ends an old one: see {@link makeRoomForNew}. None is ended when left out. */
  readonly keptConnections?: number;
  /** Times and numbers of its connections; the defaults of the settings when left out. */
  readonly config?: ConnectionConfig;
}

/**
 * Listens on `host:port` and resolves once connections are accepted; rejects with the reason, such as EADDRINUSE.
 * Without a host it listens on `::`, which takes IPv4 too, and on `0.0.0.0` where the machine has no IPv6.
 */
export const listen = (
  fetch: (request: Request) => Response | Promise<Response>,
  host: string | undefined,
  port: number,
  { maxConnections, keptConnections, config = readEnv(connectionEnv, {}) }: ListenOptions = {},
): Promise<{ server: Server; port: number }> =>
  new Promise((resolve, reject) => {
    const answer = getRequestListener(fetch, {
      // Stands in the URL of a request of HTTP/1.0, which names none.
      hostname: 'localhost',
      errorHandler: (error) => toResponse(problemOf(error)),
    });
    // Node refuses a request without a host by itself, but with an empty body.
    const server = createServer({ ...serverOptionsOf(config), requireHostHeader: false }, (incoming, outgoing) => {
      const fault = faultOf(incoming);
      if (fault === undefined) void answer(incoming, outgoing);
      else respond(outgoing, fault);
    });
    if (maxConnections !== undefined) server.maxConnections = maxConnections;
    watchConnections(server);
    if (keptConnections !== undefined) makeRoomForNew(server, keptConnections);
    boundUnfinishedBodies(server, config.MAX_UNFINISHED_BODIES);
    answerProtocolErrors(server);
    server.once('error', reject);
    server.listen(port, host, () => {
      const address = server.address();
      resolve({ server, port: typeof address === 'object' && address !== null ? address.port : port });
    });
  });

/**
 * Serves on for `delayMs`, then stops. Meanwhile every answer has to say `Connection: close`: the clients that keep
 * connections learn that they must open new ones, which go elsewhere, and none loses a request that it is just sending.
 */
export const drainServer = async (server: Server, delayMs: number): Promise<void> => {
  await sleep(delayMs);
  await closeServer(server);
};
