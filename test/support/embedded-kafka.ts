/** A Kafka of a test's own, to be killed without hurting other tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import type { EmbeddedServer } from '../../infra/local/embedded-server.ts';
import { startKafka } from '../../infra/local/kafka.ts';

export interface OwnKafka {
  readonly brokers: string;
  readonly controllerPort: number;
  /** SIGKILL. */
  kill(): Promise<void>;
  /**
   * Starts again on the same port and data.
   * @param changed settings that are others from now on
   */
  start(changed?: Readonly<Record<string, string>>): Promise<void>;
  /** Takes all that it holds away, as a lost volume does; only while it is not running. */
  loseVolume(): void;
  /** Stops the process where it is: connections stay open, nothing answers. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

/**
 * @param first when given, the broker whose cluster this one joins, as a second broker without a controller
 * @param settings what differs in its server.properties
 */
export const startOwnKafka = async (
  first?: OwnKafka,
  settings: (
    ports: Pick<OwnKafka, 'controllerPort'> & { readonly port: number },
  ) => Readonly<Record<string, string>> = () => ({}),
): Promise<OwnKafka> => {
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-own-kafka-'));
  const port = await getPort();
  const controllerPort = first?.controllerPort ?? (await getPort());
  const joining = {
    'process.roles': 'broker',
    'node.id': '2',
    listeners: `PLAINTEXT://127.0.0.1:${port}`,
  };
  let options = {
    dataDir: join(folder, 'data'),
    port,
    logFile: join(folder, 'kafka.log'),
    controllerPort,
    settings: { ...(first === undefined ? {} : joining), ...settings({ port, controllerPort }) },
  };
  let server: EmbeddedServer = await startKafka(options);
  return {
    brokers: server.url,
    controllerPort,
    kill: () => server.kill(),
    start: async (changed = {}) => {
      options = { ...options, settings: { ...options.settings, ...changed } };
      server = await startKafka(options);
    },
    loseVolume: () => {
      rmSync(options.dataDir, { recursive: true });
    },
    pause: () => void process.kill(server.pid, 'SIGSTOP'),
    resume: () => void process.kill(server.pid, 'SIGCONT'),
    close: async () => {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/**
 * A Kafka of a test's own that a proxy stands before, too: clients that come by it are told of no other way.
 * @param createProxy before the port that it is given
 */
export const startKafkaBehind = async <P extends { readonly port: number }>(
  createProxy: (targetPort: number) => Promise<P>,
): Promise<{ readonly kafka: OwnKafka; readonly proxy: P }> => {
  const proxied = await getPort();
  const proxy = await createProxy(proxied);
  const kafka = await startOwnKafka(undefined, ({ port, controllerPort }) => ({
    listeners: `PLAINTEXT://127.0.0.1:${port},PROXIED://127.0.0.1:${proxied},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},PROXIED://127.0.0.1:${proxy.port}`,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT',
  }));
  return { kafka, proxy };
};
