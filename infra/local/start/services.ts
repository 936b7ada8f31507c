/** The API and the indexer as child processes, with their logs on the terminal. */
import { join } from 'node:path';
import { startChild, waitUntilReady, type Child } from '../child.ts';
import { LOOPBACK } from '../embedded-server.ts';
import { formatLogLine } from './log-line.ts';
import type { ServicePorts } from './options.ts';
import { paint, type Colour } from './paint.ts';
import type { ServerUrls } from './prepare.ts';

const READY_DEADLINE_MS = 60_000;

/**
 * Starts both, and waits until both are ready.
 * @throws UserError with the end of the log when one does not come up
 */
export const startServices = async (urls: ServerUrls, dataDir: string, ports: ServicePorts): Promise<Child[]> => {
  const start = async (name: 'api' | 'indexer', colour: Colour, env: Record<string, string>): Promise<Child> => {
    const prefix = paint(colour, `${name.padStart(7)} |`);
    const child = await startChild({
      name: name === 'api' ? 'The API' : 'The indexer',
      command: process.execPath,
      args: ['--import', 'tsx', `services/${name}/main.ts`],
      env: { HOST: process.env['HOST'] ?? LOOPBACK, ...urls, ...env },
      logFile: join(dataDir, `logs/${name}.log`),
      onLine: (line) => {
        for (const part of formatLogLine(line, paint)) console.log(`${prefix} ${part}`);
      },
    });
    await waitUntilReady(child, () => isReady(Number(env['HEALTH_PORT'])), READY_DEADLINE_MS);
    return child;
  };
  return Promise.all([
    start('api', 'cyan', {
      AUTH: 'none',
      CONSOLE: 'true',
      PORT: String(ports.api),
      HEALTH_PORT: String(ports.apiHealth),
    }),
    start('indexer', 'magenta', { HEALTH_PORT: String(ports.indexerHealth) }),
  ]);
};

const isReady = async (healthPort: number): Promise<boolean> => {
  try {
    const response = await fetch(`http://localhost:${healthPort}/readyz`, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
};
