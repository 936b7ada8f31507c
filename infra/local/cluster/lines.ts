/**
 * What lies between the nodes of one server: a proxy before the port by which the others reach a node. It knows who calls, and can
 * take one node away from all others, while clients reach every one of them by another port. Linux, which says who calls.
 */
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import getPort from 'get-port';
import { UserError } from '../bootstrap/fail.mjs';
import { LOOPBACK } from '../embedded-server.ts';
import type { ClusterNode } from './node.ts';

export interface Lines {
  /** Begins to pass on what comes to `port` for the node of that name; says where that node is to listen: at `target`, if given. */
  open(name: string, port: number, target?: number): Promise<number>;
  /** From now on nothing passes between this node and the others: no connection ends, and nobody answers. @throws UserError elsewhere */
  cutOff(node: ClusterNode): void;
  /** All that waited passes on. */
  join(node: ClusterNode): void;
  close(): Promise<void>;
}

/** A connection from one node to another. */
interface Link {
  readonly client: Socket;
  readonly to: string;
  /** Looked up when somebody is cut off: it takes its time, and nodes that begin call each other all the time. */
  from?: string | undefined;
  /** Whether anything passes. */
  set(isOpen: boolean): void;
  end(): void;
}

/** @param nodes those that call each other */
export const createLines = (nodes: () => readonly ClusterNode[]): Lines => {
  const servers: Server[] = [];
  const links = new Set<Link>();
  const away = new Set<string>();
  const setAll = (some: Iterable<Link>): void => {
    if (away.size > 0) nameCallers(some, nodes());
    for (const link of some) {
      const { from = '', to } = link;
      link.set(from === to || !(away.has(to) || away.has(from)));
    }
  };
  return {
    open: async (to, port, given) => {
      const target = given ?? (await getPort());
      const server = createServer({ pauseOnConnect: true }, (client) => {
        const link = createLink(to, client, target);
        links.add(link);
        client.on('close', () => links.delete(link));
        setAll([link]);
      });
      servers.push(server);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, LOOPBACK, resolve);
      });
      return target;
    },
    cutOff: ({ name }) => {
      if (process.platform !== 'linux') throw new UserError('Only Linux says which node a connection comes from.');
      away.add(name);
      setAll(links);
    },
    join: ({ name }) => {
      if (away.delete(name)) setAll(links);
    },
    close: async () => {
      for (const link of links) link.end();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
};

const createLink = (to: string, client: Socket, port: number): Link => {
  let node: Socket | undefined;
  let passes = false;
  const end = (): void => {
    client.destroy();
    node?.destroy();
  };
  const track = (socket: Socket): void => {
    socket.on('error', () => undefined);
    socket.on('close', end);
  };
  track(client);
  return {
    client,
    to,
    set: (isOpen) => {
      if (client.destroyed || isOpen === passes) return;
      passes = isOpen;
      if (!isOpen) {
        // Both stop being read, so that not even their end is noticed.
        client.unpipe();
        node?.unpipe();
        return;
      }
      if (node === undefined) {
        node = connect(port, LOOPBACK);
        track(node);
      }
      client.pipe(node);
      node.pipe(client);
    },
    end,
  };
};

/**
 * The nodes that opened connections. `/proc/net/tcp` has a line for each socket: number, its address, that of the other side, and
 * as the tenth word its inode (man 5 proc_net), by which a process shows it among its files.
 */
const nameCallers = (links: Iterable<Link>, nodes: readonly ClusterNode[]): void => {
  const owners = new Map(nodes.flatMap((node) => node.sockets().map((inode) => [inode, node.name] as const)));
  const portOf = (address = '') => Number.parseInt(address.slice(address.indexOf(':') + 1), 16);
  // A JVM's sockets are those of IPv6.
  const lines = ['/proc/net/tcp6', '/proc/net/tcp'].flatMap((file) => readFileSync(file, 'utf8').split('\n').slice(1));
  const inodes = new Map(
    lines.map((line) => {
      const [, own, other, , , , , , , inode = ''] = line.trim().split(/\s+/);
      return [`${portOf(own)} ${portOf(other)}`, inode] as const;
    }),
  );
  for (const link of links) {
    const { remotePort = 0, localPort = 0 } = link.client;
    link.from ??= owners.get(inodes.get(`${remotePort} ${localPort}`) ?? '');
  }
};
