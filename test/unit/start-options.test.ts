import { createServer, type Server } from 'node:net';
import getPort, { portNumbers } from 'get-port';
import { describe, expect, it } from 'vitest';
import { checkPorts } from '../../infra/local/start/check-ports.ts';
import { listPorts } from '../../infra/local/cluster/ports.ts';
import { readOptions, startCommand, type StartOptions } from '../../infra/local/start/options.ts';

describe('the options of npm start', () => {
  it('has a default for every port', () => {
    expect(readOptions([], {})).toMatchObject({
      fresh: false,
      ports: {
        servers: { postgres: 5433, kafka: 9092, elasticsearch: 9200 },
        services: { api: 9234, apiHealth: 9235, indexerHealth: 9236 },
      },
      external: {},
    });
  });

  it('starts no server of a kind that is given', () => {
    const options = readOptions(['--fresh'], { KAFKA_BROKERS: 'broker:9092', POSTGRES_PORT: '5000' });
    expect(options).toMatchObject({ fresh: true, external: { kafka: 'broker:9092' } });
    expect(options).toHaveProperty('ports.servers', { postgres: 5000, elasticsearch: 9200 });
  });

  it('names what is wrong', () => {
    expect(() => readOptions(['--frehs'], {})).toThrow(/--frehs.*Did you mean --fresh.*npm start/s);
    expect(() => readOptions(['--port-offst', '1'], {})).toThrow('Did you mean --port-offset?');
    expect(() => readOptions(['fresh'], {})).toThrow('too many arguments');
    expect(() => readOptions(['--port-offset'], {})).toThrow('argument missing');
    expect(() => readOptions([], { API_PORT: 'http' })).toThrow('API_PORT must be a port');
  });
});

describe('a cluster', () => {
  it('has ports of its own for each node, which move with the others', () => {
    const { ports } = readOptions(['--cluster', '--port-offset', '1000'], {}) as StartOptions;
    const nodes = ports.nodes === undefined ? [] : listPorts(ports.nodes);
    expect(nodes).toEqual(expect.arrayContaining(Object.values(ports.servers)));
    expect(new Set(nodes).size).toBe(17);
    expect(Math.min(...nodes)).toBe(6_433);
  });

  it('is refused beside a server that is given', () => {
    expect(() => readOptions(['--cluster'], { KAFKA_BROKERS: 'broker:9092' })).toThrow(
      '--cluster starts all servers, and KAFKA_BROKERS names one of yours',
    );
  });

  it('is refused where a node and another server would have the same port', async () => {
    const { ports } = readOptions(['--cluster'], { ELASTICSEARCH_PORT: '9095' }) as StartOptions;
    await expect(checkPorts(ports, String)).rejects.toThrow('9095 would be the port of two');
  });
});

describe('the offset of all ports', () => {
  it('moves every port, those too that a variable chose', () => {
    expect(readOptions(['--port-offset', '1000'], { API_PORT: '8000' })).toMatchObject({
      ports: {
        servers: { postgres: 6433, kafka: 10_092, elasticsearch: 10_200 },
        services: { api: 9000, apiHealth: 10_235, indexerHealth: 10_236 },
      },
    });
  });

  it('is refused where it is no number, or leads past the last port', () => {
    expect(() => readOptions(['--port-offset', 'far'], {})).toThrow('--port-offset takes a whole number');
    expect(() => readOptions(['--port-offset', '60000'], {})).toThrow(/moves KAFKA_PORT from 9092 past 65535/);
  });

  it('stands in a command that can be typed again', () => {
    expect(startCommand({ fresh: true, cluster: true }, { API_PORT: '8000' }, 3_000)).toBe(
      'API_PORT=8000 npm start -- --fresh --cluster --port-offset 3000',
    );
    // Alone it would start a server of its own in place of the one that was given.
    expect(
      startCommand({ fresh: false, cluster: false }, { DATABASE_URL: 'postgres://me:secret@db/tasks' }, 1_000),
    ).toBe('npm start -- --port-offset 1000   (with DATABASE_URL as now)');
  });
});

describe('the check of the ports', () => {
  // Low ones, with room for offsets above them.
  const freePort = (): Promise<number> => getPort({ port: portNumbers(20_000, 25_000) });
  const listen = async (port: number): Promise<Server> => {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return server;
  };
  const command = (offset: number): string => `move ${offset}`;

  it('names all taken ports at once, who listens there, and an offset under which all are free', async () => {
    const [kafka, api, apiHealth] = [await freePort(), await freePort(), await freePort()];
    const ports = { servers: { kafka }, services: { api, apiHealth, indexerHealth: await freePort() }, offset: 0 };
    // At the first offset a port is taken too.
    const listeners = [await listen(kafka), await listen(api), await listen(apiHealth + 1_000)];
    const error = await checkPorts(ports, command).catch((reason: unknown) => reason);
    for (const server of listeners) await new Promise((resolve) => server.close(resolve));
    const { message } = error as Error;
    expect(message).toMatch(/^2 ports are taken:/);
    for (const [port, variable] of [
      [kafka, 'KAFKA_PORT'],
      [api, 'API_PORT'],
    ])
      expect(message).toMatch(new RegExp(`^ +${port} +${variable}: process ${process.pid}\\b`, 'm'));
    expect(message).not.toContain(String(apiHealth));
    expect(Number(/move (\d+)/.exec(message)?.[1])).toBeGreaterThanOrEqual(2_000);
  });

  it('refuses one port for two', async () => {
    const port = await getPort();
    const services = { api: port, apiHealth: port, indexerHealth: port + 1 };
    await expect(checkPorts({ servers: {}, services, offset: 0 }, command)).rejects.toThrow(
      `API_PORT and API_HEALTH_PORT are both ${port}`,
    );
  });
});
