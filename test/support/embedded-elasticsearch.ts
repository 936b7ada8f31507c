/** An Elasticsearch of a test's own, to be killed and paused without hurting other tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import { startElasticsearch } from '../../infra/local/elasticsearch.ts';
import type { EmbeddedServer } from '../../infra/local/embedded-server.ts';

export interface OwnElasticsearch {
  readonly url: string;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts again on the same port and data. */
  start(): Promise<void>;
  /** Stops the process where it is: connections stay open, nothing answers. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

/** @param settings of the node, beside those of every one */
export const startOwnElasticsearch = async (
  settings: Readonly<Record<string, string>> = {},
): Promise<OwnElasticsearch> => {
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-own-es-'));
  const options = {
    dataDir: join(folder, 'data'),
    port: await getPort(),
    logFile: join(folder, 'elasticsearch.log'),
    settings,
  };
  let server: EmbeddedServer = await startElasticsearch(options);
  return {
    url: server.url,
    kill: () => server.kill(),
    start: async () => {
      server = await startElasticsearch(options);
    },
    pause: () => void process.kill(server.pid, 'SIGSTOP'),
    resume: () => void process.kill(server.pid, 'SIGCONT'),
    close: async () => {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
