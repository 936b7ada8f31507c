import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { checkPorts } from '../../infra/local/start/check-ports.ts';
import { readOptions } from '../../infra/local/start/options.ts';

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
    expect(() => readOptions(['--frehs'], {})).toThrow(/--frehs.*npm start/s);
    expect(() => readOptions([], { API_PORT: 'http' })).toThrow('API_PORT must be a port');
  });
});

describe('the check of the ports', () => {
  it('names a taken port and the variable that moves it', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const ports = { servers: { kafka: port }, services: { api: 0, apiHealth: 1, indexerHealth: 2 } };
    const free = { ...ports, services: { api: port, apiHealth: port, indexerHealth: 2 } };
    await expect(checkPorts({ ...ports, servers: {}, services: free.services })).rejects.toThrow(
      `Port ${port} is taken: stop what listens there, or choose another with API_PORT`,
    );
    await new Promise((resolve) => server.close(resolve));
    await expect(checkPorts({ servers: {}, services: free.services })).rejects.toThrow(
      `API_PORT and API_HEALTH_PORT are both ${port}`,
    );
  });
});
