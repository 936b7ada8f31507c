import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import pg from 'pg';
import { expect, inject, it, onTestFinished } from 'vitest';
import { superviseFailover } from '../../infra/local/cluster/failover.ts';
import { createLines } from '../../infra/local/cluster/lines.ts';
import { PostgresNode } from '../../infra/local/cluster/postgres-node.ts';
import { createService } from '../../infra/local/cluster/service.ts';
import { PASSWORD, USER } from '../../infra/local/postgres.ts';
import { createTestDatabase } from '../support/database.ts';
import { createTestTopics } from '../support/kafka.ts';
import { startTestRelay } from '../support/relay.ts';
import { waitFor } from '../support/wait.ts';

/** A primary with two standbys, which reach each other by lines. */
const startThree = async (Node: typeof PostgresNode) => {
  const folder = await mkdtemp(join(tmpdir(), 'taskstream-failover-'));
  const nodes: PostgresNode[] = [];
  const lines = createLines(() => nodes);
  for (const name of ['postgres-1', 'postgres-2', 'postgres-3']) {
    const [port, peerPort] = [await getPort(), await getPort()];
    await lines.open(name, peerPort, port);
    nodes.push(new Node(name, { port, peerPort, folder }));
  }
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
    await lines.close();
    await rm(folder, { recursive: true });
  });
  return { first, lines, service, reported, failover };
};

const urlOf = ({ port }: { readonly port: number }): string =>
  `postgresql://${USER}:${PASSWORD}@127.0.0.1:${port}/postgres`;

const connectTo = async (connectionString: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  return client;
};

it('a failover whose promotion was not answered goes on with the node that was promoted', async () => {
  /** Which nodes were told to become primary; what the first one answers is lost. */
  const promoted: string[] = [];
  const { first, reported, failover } = await startThree(
    class extends PostgresNode {
      override async ask<Row extends Record<string, unknown>>(statement: string): Promise<Row[]> {
        const rows = await super.ask<Row>(statement);
        if (!statement.includes('pg_promote')) return rows;
        promoted.push(this.name);
        if (promoted.length === 1) throw new Error('the answer is lost');
        return rows;
      }
    },
  );
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

it.runIf(process.platform === 'linux')(
  'a primary that only its clients reach acknowledges nothing, and is ended when the others reach it again',
  async () => {
    const { first, lines, service, failover } = await startThree(PostgresNode);
    const connect = () => connectTo(urlOf(service));
    const before = await connect();
    await before.query('CREATE TABLE kept (name text)');
    lines.cutOff(first);
    let wasAcknowledged = false;
    const alone = before.query("INSERT INTO kept VALUES ('alone')").then(
      () => (wasAcknowledged = true),
      () => undefined,
    );
    await waitFor('another primary', () => failover.primary() !== first, { timeoutMs: 120_000 });
    const { pid } = first;
    const behind = await connect();
    await behind.query("INSERT INTO kept VALUES ('behind')");
    lines.join(first);
    await alone;
    await waitFor('it to be a standby', () => first.pid !== undefined && first.pid !== pid, { timeoutMs: 60_000 });
    expect(wasAcknowledged).toBe(false);
    expect((await behind.query('SELECT name FROM kept')).rows).toEqual([{ name: 'behind' }]);
    await failover.heal();
    await behind.end();
  },
);

it.runIf(process.platform === 'linux')(
  'relays leave a primary that goes on for those who are connected to it, publish what the new one has, and do not go back',
  async () => {
    const { first, lines, failover } = await startThree(PostgresNode);
    // The relays' own, as a machine's that hears of a failover late.
    const address = await createService(await getPort());
    address.setReady([first.port]);
    const database = await createTestDatabase(urlOf(address));
    const brokers = inject('kafkaBrokers');
    const topics = await createTestTopics(brokers);
    // Two publish, and the third waits for a seat.
    const relays = Array.from({ length: 3 }, () =>
      startTestRelay({ databaseUrl: database.url, brokers, topics, settings: { RELAY_LANES: 2 } }),
    );
    onTestFinished(async () => {
      await Promise.all(relays.map((relay) => relay.close()));
      await Promise.all([database.pool.end(), topics.close()]);
      await address.close();
    });
    const areShared = async (): Promise<boolean> => {
      const slots = await Promise.all(relays.map((relay) => relay.metric('taskstream_relay_slots')));
      return slots.sort((a, b) => a - b).join() === '0,32,32';
    };
    await waitFor('two relays to share the slots', areShared);
    lines.cutOff(first);
    await waitFor('another primary', () => failover.primary() !== first, { timeoutMs: 120_000 });
    address.setReady([failover.primary().port]);

    const client = await connectTo(database.url);
    await client.query(
      `INSERT INTO outbox (type, task_id, version, task)
       SELECT 'tasks.event.updated', id, 1, json_build_object('id', id, 'version', 1)
       FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 200)) AS tasks`,
    );
    await waitFor('all to be published', async () => (await topics.end()) === 200, { timeoutMs: 20_000 });
    await waitFor('two relays to share the slots', areShared);
    // All the time the old one has answered who was there.
    const oldUrl = new URL(database.url);
    oldUrl.port = String(first.port);
    const old = await connectTo(oldUrl.href);
    const { rows } = await old.query(
      `SELECT pg_is_in_recovery() AS is_standby, count(*)::int AS relays FROM pg_stat_activity WHERE application_name = 'taskstream-relay'`,
    );
    expect(rows).toEqual([{ is_standby: false, relays: 0 }]);

    // What only the old one has is nothing that happened.
    await old.query(
      `SET synchronous_commit = local;
       INSERT INTO outbox (type, task_id, version, task) VALUES ('tasks.event.updated', gen_random_uuid(), 1, '{}')`,
    );
    const failures = async (): Promise<number> =>
      (await Promise.all(relays.map((relay) => relay.metric('taskstream_relay_failures_total')))).reduce(
        (a, b) => a + b,
        0,
      );
    const failuresBefore = await failures();
    address.setReady([first.port]);
    await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'taskstream-relay'`,
    );
    // The loss of their sessions, and at least one more attempt of each.
    await waitFor('the relays to have tried the old one', async () => (await failures()) >= failuresBefore + 9, {
      timeoutMs: 30_000,
    });
    expect((await old.query('SELECT count(*)::int FROM outbox')).rows).toEqual([{ count: 1 }]);
    expect(await topics.end()).toBe(200);
    address.setReady([failover.primary().port]);
    await waitFor('two relays to share the slots', areShared);
    await Promise.all([client.end(), old.end()]);
  },
);
