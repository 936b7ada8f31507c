/**
 * The connections of an HTTP server: how long they may keep silent, how many requests may be unfinished, how they end.
 * Node looks after the times itself; what it leaves open is the number, who has to go, and connections that stand still at
 * a stop.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { integer, type CrossCheck, type EnvSpec, type EnvValues } from '../env.ts';
import { refuse, REQUEST_TIMEOUT } from './protocol-errors.ts';

export const connectionEnv = {
  KEEP_ALIVE_TIMEOUT_MS: {
    schema: integer(100_000, { min: 1_000, max: 7_200_000 }),
    defaultText: '100000',
    description:
      'How long a connection may stay open without a request, in milliseconds: longer than the idle timeout of the [load balancer](load-balancers.md) in front.',
  },
  HEADERS_TIMEOUT_MS: {
    schema: integer(15_000, { min: 1_000, max: 600_000 }),
    defaultText: '15000',
    description:
      'How long the headers of a request may take to arrive, in milliseconds, and how long a new connection may be silent.',
  },
  REQUEST_TIMEOUT_MS: {
    schema: integer(30_000, { min: 1_000, max: 600_000 }),
    defaultText: '30000',
    description: 'How long a request may take to arrive, its body included, in milliseconds.',
  },
  MAX_UNFINISHED_BODIES: {
    schema: integer(256, { min: 1, max: 100_000 }),
    defaultText: '256',
    description:
      'Most requests whose body is still to arrive, 64 KiB of memory each (a batch 1 MiB, of which 16 may be held); one more ends the one that has waited longest with 408.',
  },
} as const satisfies EnvSpec;

export type ConnectionConfig = EnvValues<typeof connectionEnv>;

export const connectionChecks: readonly CrossCheck<typeof connectionEnv>[] = [
  ({ HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS }) =>
    HEADERS_TIMEOUT_MS > REQUEST_TIMEOUT_MS
      ? {
          path: 'HEADERS_TIMEOUT_MS',
          message: `must be at most REQUEST_TIMEOUT_MS (${REQUEST_TIMEOUT_MS}): the headers are a part of the request`,
        }
      : undefined,
  ({ KEEP_ALIVE_TIMEOUT_MS, HEADERS_TIMEOUT_MS }) =>
    KEEP_ALIVE_TIMEOUT_MS <= HEADERS_TIMEOUT_MS
      ? {
          path: 'KEEP_ALIVE_TIMEOUT_MS',
          message: `must be above HEADERS_TIMEOUT_MS (${HEADERS_TIMEOUT_MS}): a client that has sent a request may wait longer with its next than one that has sent nothing`,
        }
      : undefined,
];

/** Node's settings for a server with these times. */
export const serverOptionsOf = (config: ConnectionConfig) => ({
  keepAliveTimeout: config.KEEP_ALIVE_TIMEOUT_MS,
  headersTimeout: config.HEADERS_TIMEOUT_MS,
  requestTimeout: config.REQUEST_TIMEOUT_MS,
  // Node's default of half a minute would double these times.
  connectionsCheckingInterval: 1_000,
});

/** Holds the number of requests whose body is not complete to `most`; the one that has waited longest makes room. */
export const boundUnfinishedBodies = (server: Server, most: number): void => {
  // In the order in which they came.
  const unfinished = new Set<IncomingMessage>();
  const makeRoom = (): void => {
    for (const request of unfinished) {
      unfinished.delete(request);
      if (request.complete) continue;
      refuse(request.socket, REQUEST_TIMEOUT);
      return;
    }
  };
  server.on('request', (request: IncomingMessage) => {
    // Most bodies come in one piece with their headers, and are complete once this piece has been read.
    process.nextTick(() => {
      if (request.complete || request.destroyed) return;
      const forget = (): void => {
        unfinished.delete(request);
      };
      request.once('end', forget).once('close', forget);
      unfinished.add(request);
      if (unfinished.size > most) makeRoom();
    });
  });
};

/** What is under way on a connection. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The connections of a server, oldest first; without an exchange one is idle, or has not sent a whole request. */
type Connections = Map<Socket, Exchange | undefined>;

const connectionsOf = new WeakMap<Server, Connections>();

/** Has to be called before the server listens, so that {@link closeServer} knows all its connections. */
export const watchConnections = (server: Server): void => {
  const connections: Connections = new Map();
  connectionsOf.set(server, connections);
  server.on('connection', (socket: Socket) => {
    connections.set(socket, undefined);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    connections.set(socket, { request, response });
    response.once('close', () => {
      if (connections.get(socket)?.request === request) connections.set(socket, undefined);
    });
  });
};

/**
 * Ends a connection for each that comes beyond `most`: the oldest of those that have no request at work, or whose answer
 * only waits to be read, and the oldest of all where there is none. So a new one always finds a place, and keeps it for as
 * long as it takes others to open `most`: whoever sends a request at once is answered.
 * Has to be called after {@link watchConnections}.
 */
export const makeRoomForNew = (server: Server, most: number): void => {
  server.on('connection', () => {
    const connections = [...(connectionsOf.get(server) ?? [])].filter(([socket]) => !socket.destroyed);
    if (connections.length <= most) return;
    const idle = connections.find(([, exchange]) => exchange === undefined || exchange.response.writableEnded);
    (idle ?? connections[0])?.[0].destroy();
  });
};

/** How long requests that are still arriving are waited for at a stop, in milliseconds. */
export const LAST_REQUESTS_MS = 3_000;

/**
 * Stops accepting and lets requests in flight finish; resolves when no connection is left.
 * A connection that never sent a byte ends at once, one whose request is still arriving after `unfinishedMs`. Nothing is
 * lost by that: what has not arrived has not been acknowledged.
 * A keep-alive connection that was busy when this began becomes idle later, and Node would wait out its keep-alive
 * timeout: so this is looked at again and again until none is left.
 */
export const closeServer = async (server: Server, unfinishedMs = LAST_REQUESTS_MS): Promise<void> => {
  const closed = new Promise<void>((resolve, reject) => {
    server.close((error) => {
      if (error) reject(error);
      else resolve();
    });
  });
  const startedAt = performance.now();
  const closeWhatIsIdle = () => {
    server.closeIdleConnections();
    const isLate = performance.now() - startedAt >= unfinishedMs;
    for (const [socket, exchange] of connectionsOf.get(server) ?? []) {
      if (socket.bytesRead === 0 || (isLate && exchange?.request.complete !== true)) socket.destroy();
    }
  };
  closeWhatIsIdle();
  const timer = setInterval(closeWhatIsIdle, 50);
  await closed.finally(() => {
    clearInterval(timer);
  });
};
