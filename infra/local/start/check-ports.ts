/** Looks whether the ports are free, before minutes are spent on what cannot work. */
import { createServer } from 'node:net';
import { UserError } from '../bootstrap/fail.mjs';
import { LOOPBACK } from '../embedded-server.ts';
import { listPorts } from '../cluster/ports.ts';
import { PORT_VARIABLES, type PortName, type Ports } from './options.ts';
import { listenersOn } from './listeners.ts';

/** Offsets to propose come in steps of this size: no port of ours then falls on another one's usual place. */
const STEP = 1_000;
const MAX_PORT = 65_535;

/**
 * @param commandWith the command line that was typed, with another offset
 * @throws UserError that names every taken port with who listens there, and one command that moves them all
 */
export const checkPorts = async (
  { servers, services, nodes, offset }: Ports,
  commandWith: (offset: number) => string,
): Promise<void> => {
  const named = Object.entries({ ...services, ...servers }) as [PortName, number][];
  const wanted = named.map(([name, port]) => [PORT_VARIABLES[name].variable as string, port] as const);
  if (nodes !== undefined) {
    const all = [services.api, services.apiHealth, services.indexerHealth, ...listPorts(nodes)];
    const doubled = all.find((port, index) => all.indexOf(port) !== index);
    if (doubled !== undefined)
      throw new UserError(
        `${doubled} would be the port of two: a cluster takes up to seven ports from each server's on.`,
      );
    const others = listPorts(nodes).filter((port) => !Object.values(servers).includes(port));
    wanted.push(...others.map((port) => ['a node of the cluster', port] as const));
  }
  const users = new Map<number, string>();
  for (const [name, port] of wanted) {
    const other = users.get(port);
    if (other !== undefined) throw new UserError(`${other} and ${name} are both ${port}: give each its own port.`);
    users.set(port, name);
  }
  const ports = wanted.map(([, port]) => port);
  const taken = await takenOf(ports);
  if (taken.length === 0) return;
  const listeners = listenersOn(taken);
  const lines = wanted
    .filter(([, port]) => taken.includes(port))
    .map(
      ([name, port]) =>
        `  ${String(port).padStart(5)}  ${name}: ${listeners.get(port) ?? 'by a process that is not shown to you'}`,
    );
  const free = await freeOffset(ports.map((port) => port - offset));
  const advice =
    free === undefined
      ? 'Stop what listens there, or choose other ports by these variables.'
      : `Stop what listens there, or move all ports:\n  ${commandWith(free)}`;
  throw new UserError(
    `${taken.length === 1 ? 'A port is' : `${taken.length} ports are`} taken:\n${lines.join('\n')}\n${advice}`,
  );
};

const freeOffset = async (ports: readonly number[]): Promise<number | undefined> => {
  for (let offset = STEP; Math.max(...ports) + offset <= MAX_PORT; offset += STEP)
    if ((await takenOf(ports.map((port) => port + offset))).length === 0) return offset;
  return undefined;
};

const takenOf = async (ports: readonly number[]): Promise<readonly number[]> => {
  const states = await Promise.all(ports.map(isFree));
  return ports.filter((_, index) => states[index] === false);
};

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
