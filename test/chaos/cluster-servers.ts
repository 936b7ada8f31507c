/** Three nodes of each server for all runs, without a proxy in between: for the faults of nodes. */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '../../infra/local/cluster/cluster.ts';
import { freePorts } from '../../infra/local/cluster/ports.ts';
import type { RunningServers } from './servers.ts';

const refuseSingle = (): Promise<never> => Promise.reject(new Error('a fault of single servers: leave out --cluster'));

export const startClusterServers = async (): Promise<RunningServers> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'taskstream-chaos-'));
  const folder = join(dataDir, 'logs');
  const cluster = await startCluster({
    dataDir,
    ports: await freePorts(),
    report: (text) => {
      appendFileSync(join(folder, 'failover.log'), `${new Date().toISOString()} ${text}\n`);
    },
  });
  const { urls } = cluster;
  return {
    folder,
    urls,
    serviceUrls: { api: urls, indexer: urls },
    copies: 3,
    setLink: refuseSingle,
    signal: refuseSingle,
    restart: refuseSingle,
    startSecondBroker: refuseSingle,
    endSecondBroker: () => Promise.resolve(),
    killNode: async (role) => {
      await (await cluster.find(role)).kill();
    },
    pauseNode: async (role, forMs) => {
      const node = await cluster.find(role);
      node.pause();
      await sleep(forMs);
      node.resume();
    },
    heal: () => cluster.heal(),
    close: async () => {
      await cluster.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
};
