import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { createPipeline, createTask, search, type Pipeline } from '../support/pipeline.ts';
import { createTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

let pipeline: Pipeline;
const proxies: TcpProxy[] = [];

beforeAll(async () => {
  pipeline = await createPipeline();
});
afterAll(async () => {
  await pipeline.close();
  await Promise.all(proxies.map((proxy) => proxy.close()));
});

/** Port on `::1` of a server that listens on 127.0.0.1. */
const onIPv6 = async (port: string): Promise<number> => {
  const proxy = await createTcpProxy(Number(port), '::1');
  proxies.push(proxy);
  return proxy.port;
};

it('reaches its servers by IPv6 addresses in brackets, and answers by one', async () => {
  const database = new URL(pipeline.database.url);
  database.host = `[::1]:${await onIPv6(database.port)}`;
  const env = {
    DATABASE_URL: database.href,
    ELASTICSEARCH_URL: `http://[::1]:${await onIPv6(new URL(inject('elasticsearchUrl')).port)}`,
    // The broker answers with the address that it advertises, which is 127.0.0.1.
    KAFKA_BROKERS: `[::1]:${await onIPv6(new URL(`tcp://${inject('kafkaBrokers')}`).port)}`,
    HOST: '',
  };
  const [api] = await Promise.all([pipeline.startApi(env), pipeline.startIndexer(env)]);
  await createTask(api, 'by another family');
  await pipeline.converged();
  expect(await search(api, 'family')).toMatchObject({ total: 1 });
  expect((await fetch(`http://[::1]:${api.port}/tasks`)).status).toBe(200);
});
