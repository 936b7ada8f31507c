/** Looks whether the ports are free, before minutes are spent on what cannot work. */
import { createServer } from 'node:net';
import { UserError } from '../bootstrap/fail.mjs';
import { LOOPBACK } from '../embedded-server.ts';
import { PORT_VARIABLES, type Ports } from './options.ts';

/** @throws UserError that names a taken port and the variable that moves it */
export const checkPorts = async ({ servers, services }: Ports): Promise<void> => {
  const wanted: Partial<Record<keyof typeof PORT_VARIABLES, number>> = { ...services, ...servers };
  const users = new Map<number, string>();
  for (const name of Object.keys(PORT_VARIABLES) as (keyof typeof PORT_VARIABLES)[]) {
    const port = wanted[name];
    if (port === undefined) continue;
    const { variable } = PORT_VARIABLES[name];
    const other = users.get(port);
    if (other !== undefined) throw new UserError(`${other} and ${variable} are both ${port}: give each its own port.`);
    users.set(port, variable);
    if (!(await isFree(port)))
      throw new UserError(
        `Port ${port} is taken: stop what listens there, or choose another with ${variable}, as in: ` +
          `${variable}=${port + 10_000 > 65_535 ? port - 10_000 : port + 10_000} npm start`,
      );
  }
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
