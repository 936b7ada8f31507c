/** Elasticsearch as a child process: one node, started by our own launcher from the jars on Maven. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findJdk, type Jdk } from './bootstrap/jdk.mjs';
import { waitUntilReady } from './child.ts';
import { inUrl, LOOPBACK, type EmbeddedServer, type ServerOptions } from './embedded-server.ts';
import { elasticsearchHome } from './jars.ts';
import { SMALL_HEAP, startJvm } from './jvm.ts';

const READY_DEADLINE_MS = 120_000;

/** What Elasticsearch's own launcher sets too, as far as it matters here. */
const FLAGS = [
  '--enable-native-access=ALL-UNNAMED',
  '-XX:MaxDirectMemorySize=256m',
  '-Dio.netty.noUnsafe=true',
  '-Dio.netty.noKeySetOptimization=true',
  '-Dio.netty.recycler.maxCapacityPerThread=0',
  '-Dlog4j2.disable.jmx=true',
];

export interface ElasticsearchOptions extends ServerOptions {
  /** Further node settings, such as `thread_pool.write.queue_size`. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly jdk?: Jdk;
}

/**
 * Starts Elasticsearch. Starts again on the data of an earlier run.
 * @throws UserError with the end of its log when it does not come up
 */
export const startElasticsearch = async (options: ElasticsearchOptions): Promise<EmbeddedServer> => {
  const { dataDir, port, logFile, host = LOOPBACK, jdk = findJdk() } = options;
  const home = await elasticsearchHome(jdk);
  const config = join(dataDir, 'config');
  mkdirSync(config, { recursive: true });
  const settings = {
    'cluster.name': 'taskstream',
    'node.name': 'local',
    'discovery.type': 'single-node',
    'path.home': home.folder,
    'path.data': join(dataDir, 'data'),
    'path.logs': join(dataDir, 'logs'),
    'http.host': host,
    'http.port': String(port),
    'transport.host': LOOPBACK,
    // Any free port: there is no other node to be found by.
    'transport.port': '0',
    'logger.level': 'WARN',
    // An index that nobody created would get a guessed mapping.
    'action.auto_create_index': 'false',
    // A full laptop disk would otherwise make every index read-only.
    'cluster.routing.allocation.disk.threshold_enabled': 'false',
    ...options.settings,
  };
  const jvm = await startJvm({
    name: 'Elasticsearch',
    jdk,
    home,
    flags: [...SMALL_HEAP, ...FLAGS],
    mainClass: 'ElasticsearchNode',
    args: [config, ...Object.entries(settings).map(([key, value]) => `${key}=${value}`)],
    dataDir,
    logFile,
    env: options.env,
  });
  const url = `http://${inUrl(host)}:${port}`;
  await waitUntilReady(jvm, () => isHealthy(url), READY_DEADLINE_MS);
  return {
    name: jvm.name,
    url,
    port,
    pid: jvm.pid,
    logFile,
    exited: jvm.exited,
    stop: jvm.stopGracefully,
    kill: async () => {
      await jvm.kill();
    },
  };
};

/** Whether all primary shards of earlier runs are there again. */
const isHealthy = async (url: string): Promise<boolean> => {
  try {
    const response = await fetch(`${url}/_cluster/health?wait_for_status=yellow&timeout=1s`, {
      signal: AbortSignal.timeout(5_000),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
};
