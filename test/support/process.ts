/** The services as real processes, to be killed in every way. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import getPort from 'get-port';
import { waitFor } from './wait.ts';

export interface ServiceProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly healthUrl: string;
  /** Port of the public HTTP server; the API only. */
  readonly port: number;
  /** Everything it logged. */
  logs(): string;
  /** Resolves when it has ended. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  ready(): Promise<void>;
  /** The value of a metric, summed over its series that have all `labels`. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** Resident memory in bytes, now. */
  residentBytes(): number;
  /** The most resident memory so far, in bytes. */
  peakBytes(): number;
}

const MIB = 1_048_576;
/** The least memory limit of the manifests, and the heap that Node takes below it: half. */
export const CONTAINER = { limitBytes: 384 * MIB, nodeOptions: '--max-old-space-size=192' };

/** A line of `/proc/<pid>/status` that counts kilobytes, in bytes; 0 for a process that is gone. */
export const memoryBytes = (pid: number, name: 'VmRSS' | 'VmHWM'): number => {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
};

const root = join(import.meta.dirname, '../..');

/**
 * Starts a service; ports are chosen unless `env` sets them.
 * @param build folder of the compiled services (`build.ts`); from their sources when not given
 * @param checkout folder of the sources; this one's when not given
 */
export const startService = async (
  service: 'api' | 'indexer',
  env: Readonly<Record<string, string>>,
  build?: string,
  checkout = root,
): Promise<ServiceProcess> => {
  const port = await getPort();
  const healthPort = await getPort();
  const main =
    build === undefined
      ? ['--import', 'tsx', join(checkout, `services/${service}/main.ts`)]
      : [join(build, `services/${service}/main.js`)];
  const child = spawn(process.execPath, main, {
    cwd: checkout,
    env: {
      PATH: process.env['PATH'],
      HOST: '127.0.0.1',
      PORT: String(port),
      HEALTH_PORT: String(healthPort),
      ...(service === 'api' ? { AUTH: 'none' } : {}),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => {
      resolve({ code, signal });
    });
  });
  const healthUrl = `http://127.0.0.1:${healthPort}`;
  return {
    child,
    pid: child.pid ?? -1,
    healthUrl,
    port,
    logs: () => output,
    exited,
    ready: async () => {
      await waitFor(
        `${service} to be ready`,
        async () => child.exitCode !== null || (await fetch(`${healthUrl}/readyz`)).ok,
        { timeoutMs: 180_000 },
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${output.slice(-4_000)}`);
      });
      if (child.exitCode !== null) throw new Error(`${service} ended with ${child.exitCode}:\n${output}`);
    },
    metric: async (name, labels = {}) => sumOf(await (await fetch(`${healthUrl}/metrics`)).text(), name, labels),
    residentBytes: () => memoryBytes(child.pid ?? 0, 'VmRSS'),
    peakBytes: () => memoryBytes(child.pid ?? 0, 'VmHWM'),
  };
};

/** Adds up the series of a metric in Prometheus' text format. */
export const sumOf = (text: string, name: string, labels: Readonly<Record<string, string>> = {}): number =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .filter((line) => Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);

/** Whether the process is over, however that came. */
export const hasEnded = ({ child }: ServiceProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** Whether a process is at work that is no child of this one. */
export const isAlive = (pid: number): boolean => {
  // One that has ended stays as a zombie where the first process of the machine collects none.
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

/** Ends a process that a failed test left behind. */
export const killProcess = async (service: ServiceProcess): Promise<void> => {
  if (!hasEnded(service)) service.child.kill('SIGKILL');
  await service.exited;
};

/** SIGTERM, and the end of the process. */
export const stopProcess = (service: ServiceProcess): ServiceProcess['exited'] => {
  service.child.kill('SIGTERM');
  return service.exited;
};
