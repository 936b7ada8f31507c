/** A Kafka of a test's own, to be killed without hurting other tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import type { EmbeddedServer } from '../../infra/local/embedded-server.ts';
import { startKafka } from '../../infra/local/kafka.ts';

export interface OwnKafka {
  readonly brokers: string;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts again on the same port and data. */
  start(): Promise<void>;
  /** Stops the process where it is: connections stay open, nothing answers. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

export const startOwnKafka = async (): Promise<OwnKafka> => {
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-own-kafka-'));
  const options = { dataDir: join(folder, 'data'), port: await getPort(), logFile: join(folder, 'kafka.log') };
  let server: EmbeddedServer = await startKafka(options);
  return {
    brokers: server.url,
    kill: () => server.kill(),
    start: async () => {
      server = await startKafka(options);
    },
    pause: () => void process.kill(server.pid, 'SIGSTOP'),
    resume: () => void process.kill(server.pid, 'SIGCONT'),
    close: async () => {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
