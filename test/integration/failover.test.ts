import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import { expect, it, onTestFinished } from 'vitest';
import { superviseFailover } from '../../infra/local/cluster/failover.ts';
import { PostgresNode } from '../../infra/local/cluster/postgres-node.ts';
import { createService } from '../../infra/local/cluster/service.ts';
import { waitFor } from '../support/wait.ts';

/** Which nodes were told to become primary; what the first one answers is lost. */
const promoted: string[] = [];
class NodeWithoutAnswer extends PostgresNode {
  override async ask<Row extends Record<string, unknown>>(statement: string): Promise<Row[]> {
    const rows = await super.ask<Row>(statement);
    if (!statement.includes('pg_promote')) return rows;
    promoted.push(this.name);
    if (promoted.length === 1) throw new Error('the answer is lost');
    return rows;
  }
}

it('a failover whose promotion was not answered goes on with the node that was promoted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'taskstream-failover-'));
  const nodes: PostgresNode[] = [];
  for (const name of ['postgres-1', 'postgres-2', 'postgres-3'])
    nodes.push(new NodeWithoutAnswer(name, await getPort(), folder));
  const [first] = nodes;
  if (first === undefined) throw new Error('no node');
  await first.start();
  for (const node of nodes.slice(1)) {
    await node.copyFrom(first);
    await node.start();
  }
  const service = await createService(await getPort());
  const reported: string[] = [];
  const failover = await superviseFailover({
    nodes,
    primary: first,
    service,
    onPrimary: () => undefined,
    report: (text) => reported.push(text),
  });
  onTestFinished(async () => {
    await failover.stop();
    for (const node of nodes) await node.kill();
    await service.close();
    await rm(folder, { recursive: true });
  });
  await first.kill();
  await waitFor('another primary', () => failover.primary() !== first, { timeoutMs: 120_000 });
  expect(reported.join('\n')).toContain('the answer is lost');
  expect([...new Set(promoted)]).toEqual([failover.primary().name]);
  // All the time it acknowledges nothing that it has alone.
  const [row] = await failover
    .primary()
    .ask<{ names: string }>("SELECT current_setting('synchronous_standby_names') AS names");
  expect(row?.names).toMatch(/^ANY 1 \(/);
  await failover.heal();
  const [count] = await failover
    .primary()
    .ask<{ streaming: string }>('SELECT count(*) AS streaming FROM pg_stat_replication');
  expect(count?.streaming).toBe('2');
});
