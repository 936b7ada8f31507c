/** A TCP proxy on loopback, to cut, silence, slow down or answer for the connection between two parts. */
import { createServer, connect, type Socket } from 'node:net';
import getPort from 'get-port';

export type ProxyMode =
  | { readonly kind: 'open' }
  /** Closes all connections and refuses new ones. */
  | { readonly kind: 'cut' }
  /** Keeps connections, and passes nothing on. */
  | { readonly kind: 'black hole' }
  /** Passes everything on, each piece later by so much. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** Passes new connections on. Those that there were hang from then on: no end, no reset, as when the target's machine is gone. */
  | { readonly kind: 'stranded' }
  /** Answers in the target's place, with these bytes, whatever it is sent. */
  | { readonly kind: 'answer'; readonly bytes: string };

export interface TcpProxy {
  readonly port: number;
  set(mode: ProxyMode): void;
  cut(): void;
  blackHole(): void;
  restore(): void;
  close(): Promise<void>;
}

/** @param host the loopback address that it listens on */
export const createTcpProxy = async (targetPort: number, host = '127.0.0.1'): Promise<TcpProxy> => {
  let mode: ProxyMode = { kind: 'open' };
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  const stranded = new Set<Socket>();
  const dropAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  const track = (socket: Socket, peer: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      stranded.delete(socket);
      if (!stranded.has(peer)) peer.destroy();
    });
  };
  const server = createServer((client) => {
    if (mode.kind === 'cut') {
      client.destroy();
      return;
    }
    const target = connect(targetPort, '127.0.0.1');
    track(client, target);
    track(target, client);
    const toClient = delayed(client);
    const toTarget = delayed(target);
    target.on('data', (chunk) => {
      if (mode.kind === 'open' || mode.kind === 'slow') toClient(chunk, mode);
    });
    clients.add(client);
    client.on('close', () => clients.delete(client));
    client.on('data', (chunk) => {
      if (stranded.has(client)) return;
      if (mode.kind === 'answer') client.end(mode.bytes);
      else if (mode.kind === 'open' || mode.kind === 'slow') toTarget(chunk, mode);
    });
  });
  // Not 0: the system may give a port that get-port has promised to a service that is about to start.
  const port = await getPort();
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  const set = (next: ProxyMode): void => {
    // What was swallowed is missing for good: such a connection cannot go on.
    if (next.kind === 'cut' || mode.kind === 'black hole') dropAll();
    if (next.kind === 'stranded') {
      for (const client of clients) stranded.add(client);
      for (const socket of sockets) if (!clients.has(socket)) socket.destroy();
    }
    mode = next.kind === 'stranded' ? { kind: 'open' } : next;
  };
  return {
    port,
    set,
    cut: () => {
      set({ kind: 'cut' });
    },
    blackHole: () => {
      set({ kind: 'black hole' });
    },
    restore: () => {
      set({ kind: 'open' });
    },
    close: async () => {
      dropAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** Writes pieces in their order, each when its time has come: one that is not late never overtakes one that is. */
const delayed = (to: Socket): ((chunk: Buffer, mode: ProxyMode) => void) => {
  const waiting: { readonly chunk: Buffer; readonly at: number }[] = [];
  const pump = () => {
    const [next] = waiting;
    if (next === undefined) return;
    const leftMs = next.at - performance.now();
    if (leftMs > 0) {
      setTimeout(pump, leftMs);
      return;
    }
    waiting.shift();
    to.write(next.chunk);
    pump();
  };
  return (chunk, mode) => {
    const delayMs = mode.kind === 'slow' ? mode.delayMs : 0;
    if (delayMs === 0 && waiting.length === 0) {
      to.write(chunk);
      return;
    }
    waiting.push({ chunk, at: Math.max(performance.now() + delayMs, waiting.at(-1)?.at ?? 0) });
    if (waiting.length === 1) pump();
  };
};
