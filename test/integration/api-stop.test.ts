import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestTopics } from '../support/kafka.ts';
import { createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import { stopProcess } from '../support/process.ts';
import { startOwnKafka } from '../support/embedded-kafka.ts';
import { waitFor } from '../support/wait.ts';
import { creationOf } from '../support/sample.ts';

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await createPipeline();
});
afterAll(() => pipeline.close());

/** Creates a task on the agent's connection. */
const create = (agent: Agent, port: number): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const body = JSON.stringify(creationOf('on a kept connection'));
    request(
      {
        port,
        host: '127.0.0.1',
        path: '/tasks',
        method: 'POST',
        agent,
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        response.once('end', () => {
          resolve(response);
        });
        response.once('error', reject).resume();
      },
    )
      .once('error', reject)
      .end(body);
  });

it('answers every request on a kept connection when stopped, tells its client to leave, and exits 0', async () => {
  const api = await pipeline.startApi({ DRAIN_DELAY_MS: '10000' });
  let created = 0;
  /** Goes on until it is told to leave. */
  const client = async (pauseMs: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (;;) {
      const { statusCode, headers } = await create(agent, api.port);
      expect(statusCode).toBe(201);
      created += 1;
      if (headers.connection === 'close') break;
      await sleep(pauseMs);
    }
    agent.destroy();
  };
  const clients = Array.from({ length: 16 }, (_, index) => client(index * 10));
  await waitFor('all to write', () => created > 2 * clients.length);
  const exited = stopProcess(api);
  await Promise.all(clients);
  expect(await exited).toEqual({ code: 0, signal: null });
  expect(created).toBeGreaterThan(16);
  const { rows } = await pipeline.database.pool.query<{ count: string }>('SELECT count(*) FROM tasks');
  expect(Number(rows[0]?.count)).toBe(created);
});

it('exits 0 without delay although a connection has never sent a byte', async () => {
  const api = await pipeline.startApi();
  const socket = connect(api.port, '127.0.0.1');
  await once(socket, 'connect');
  // An answer on another connection says that the API has accepted this one.
  await createTask(api, 'beside a silent connection');
  expect(await stopProcess(api)).toEqual({ code: 0, signal: null });
  socket.destroy();
});

it('exits 0 while Kafka is away and a change is in flight, and leaves the change to the next relay', async () => {
  const kafka = await startOwnKafka();
  const { pool } = pipeline.database;
  const topics = await createTestTopics(kafka.brokers);
  try {
    const api = await pipeline.startApi({ KAFKA_BROKERS: kafka.brokers, TASKS_TOPIC: topics.tasks });
    await createTask(api, 'published before');
    await pipeline.database.outboxEmpty();
    await kafka.kill();
    const { id } = await createTask(api, 'in flight');
    // A sleep and no condition: nothing tells from outside that the relay has handed the row to its client.
    await sleep(500);
    expect(await stopProcess(api)).toEqual({ code: 0, signal: null });
    expect((await pool.query('SELECT task_id FROM outbox')).rows).toEqual([{ task_id: id }]);
  } finally {
    await kafka.start();
    await topics.close();
    await kafka.close();
  }
});
