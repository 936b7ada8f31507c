/**
 * One address before several nodes, as a Service of Kubernetes: a new connection goes to one of those that are ready, and
 * is refused where none is; a connection that there is stays with its node, whatever becomes of that.
 */
import { connect, createServer, type Socket } from 'node:net';
import { LOOPBACK } from '../embedded-server.ts';

export interface Service {
  readonly port: number;
  /** Ports of those that are ready. */
  setReady(ports: readonly number[]): void;
  close(): Promise<void>;
}

export const createService = async (port: number): Promise<Service> => {
  let ready: readonly number[] = [];
  let turn = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    turn += 1;
    const target = ready[turn % ready.length];
    if (target === undefined) {
      client.resetAndDestroy();
      return;
    }
    const node = connect(target, LOOPBACK);
    for (const [socket, peer] of [
      [client, node],
      [node, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        peer.destroy();
      });
      socket.pipe(peer);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LOOPBACK, resolve);
  });
  return {
    port,
    setReady: (ports) => {
      ready = ports;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
