/** Three nodes of each server for all runs, without a proxy in between: for the faults of nodes. */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster, type Cluster } from '../../infra/local/cluster/cluster.ts';
import { canBreakDisks } from '../../infra/local/cluster/disks.ts';
import { freePorts } from '../../infra/local/cluster/ports.ts';
import type { RunningServers, Strike } from './servers.ts';

const refuseSingle = (): Promise<never> => Promise.reject(new Error('a fault of single servers: leave out --cluster'));

export const startClusterServers = async (): Promise<RunningServers> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'taskstream-chaos-'));
  const folder = join(dataDir, 'logs');
  const hasDisks = canBreakDisks();
  const cluster = await startCluster({
    dataDir,
    ports: await freePorts(),
    hasLines: true,
    hasDisks,
    report: (text) => {
      appendFileSync(join(folder, 'failover.log'), `${new Date().toISOString()} ${text}\n`);
    },
  });
  const { urls } = cluster;
  return {
    folder,
    canBreakDisks: hasDisks,
    urls,
    serviceUrls: { api: urls, indexer: urls },
    copies: 3,
    setLink: refuseSingle,
    signal: refuseSingle,
    restart: refuseSingle,
    startSecondBroker: refuseSingle,
    endSecondBroker: () => Promise.resolve(),
    strike: (strike) => carryOut(cluster, strike),
    heal: () => cluster.heal(),
    close: async () => {
      await cluster.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
};

const carryOut = async (cluster: Cluster, strike: Strike): Promise<void> => {
  if (strike.kind === 'roll') {
    await cluster.roll(strike.server);
    return;
  }
  if (strike.kind === 'kill primary and standby') {
    const [primary, standby] = await Promise.all([cluster.find('primary'), cluster.find('standby')]);
    await Promise.all([primary.kill(), standby.kill()]);
    await sleep(strike.standbyAfterMs);
    await standby.start();
    return;
  }
  if (strike.kind === 'standbys away') {
    const [killed, frozen] = await cluster.findAll('standby');
    if (killed === undefined || frozen === undefined) throw new Error('there are no two standbys');
    frozen.pause();
    await killed.kill();
    return;
  }
  if (strike.kind === 'standbys back') {
    for (const node of cluster.nodes.filter(({ kind }) => kind === 'postgres')) {
      node.resume();
      if (!node.isRunning) await node.start();
    }
    return;
  }
  const node = await cluster.find(strike.role);
  if (strike.kind === 'kill') {
    await node.kill();
    return;
  }
  if (strike.kind === 'pause') node.pause();
  else if (strike.kind === 'cut off') cluster.cutOff(node);
  else cluster.breakDisk(node, strike.state);
  await sleep(strike.forMs);
  if (strike.kind === 'pause') node.resume();
  else await cluster.join(node);
};
