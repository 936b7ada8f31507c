/** What commands say of servers that are away, or that take connections and say nothing. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOps } from '../support/ops.ts';

/** Far beyond every deadline here: what still runs then hangs. */
const HANGS_MS = 180_000;

let silent: Server;
let hangingUp: Server;
let folder: string;
let addresses: Readonly<Record<'refused' | 'silent' | 'hanging up' | 'unknown', string>>;
const held: Socket[] = [];

const listen = (onConnection: (socket: Socket) => void): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      onConnection(socket);
    });
    server.listen(0, '127.0.0.1', () => {
      resolve(server);
    });
  });
const addressOf = (server: Server): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;

beforeAll(async () => {
  silent = await listen((socket) => held.push(socket.resume()));
  hangingUp = await listen((socket) => socket.end());
  addresses = {
    refused: `127.0.0.1:${await getPort()}`,
    silent: addressOf(silent),
    'hanging up': addressOf(hangingUp),
    unknown: 'no-such-host.invalid:9092',
  };
  folder = mkdtempSync(join(tmpdir(), 'taskstream-dead-'));
});
afterAll(() => {
  for (const socket of held) socket.destroy();
  silent.close();
  hangingUp.close();
  rmSync(folder, { recursive: true });
});

/** @returns the one sentence that a command ends with, and nothing else */
const sentenceOf = async (args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> => {
  const { code, stdout, stderr } = await runOps(args, env);
  expect({ code, stdout }, stderr).toEqual({ code: 1, stdout: '' });
  expect(stderr.trim().split('\n')).toHaveLength(1);
  return stderr.trim();
};

describe('a Kafka that is not there is said in one sentence, within the 5 s that it has', { timeout: HANGS_MS }, () => {
  it.each([
    ['refused', /ECONNREFUSED/],
    ['silent', /no answer within 5 s/],
    ['hanging up', /closed without an answer/],
    ['unknown', /ENOTFOUND|EAI_AGAIN|no answer within 5 s/],
  ] as const)('%s', async (kind, reason) => {
    const address = addresses[kind];
    const said = await sentenceOf(['lag'], { KAFKA_BROKERS: address });
    expect(said).toMatch(/^Kafka does not answer at \S+ \(.*\): see whether it is up, and KAFKA_BROKERS\.$/);
    expect(said).toContain(`at ${address} (`);
    expect(said).toMatch(reason);
  });

  it('and by each command that reads topics, also with TLS and several brokers', async () => {
    const env = {
      KAFKA_BROKERS: addresses.silent,
      DATABASE_URL: `postgres://me:secret@${addresses.refused}/tasks`,
      ELASTICSEARCH_URL: `http://${addresses.refused}`,
    };
    const said = await Promise.all([
      sentenceOf(['events', 'tail'], env),
      sentenceOf(['events', 'replay', '--group', 'audit'], env),
      sentenceOf(['events', 'repartition'], { ...env, KAFKA_TLS: 'true' }),
      sentenceOf(['verify'], env),
      sentenceOf(['reindex'], { ...env, KAFKA_BROKERS: `${addresses.silent},${addresses.refused}` }),
    ]);
    for (const sentence of said.slice(0, -1)) expect(sentence).toContain('(no answer within 5 s)');
    expect(said.at(-1)).toMatch(/^Kafka does not answer at [\d.:]+,[\d.:]+ \(/);
  });
});

describe('a silent server', { timeout: HANGS_MS }, () => {
  it('is named where it is PostgreSQL', async () => {
    const env = {
      DATABASE_URL: `postgres://me:secret@${addresses.silent}/tasks`,
      ELASTICSEARCH_URL: `http://${addresses.silent}`,
      KAFKA_BROKERS: '',
    };
    const said = await Promise.all([
      sentenceOf(['verify'], env),
      sentenceOf(['restore'], env),
      sentenceOf(['outbox'], env),
      sentenceOf(['dlq', 'list'], { ...env, KAFKA_BROKERS: addresses.silent }),
      sentenceOf(['reindex', 'list'], { ...env, KAFKA_BROKERS: addresses.silent }),
    ]);
    for (const sentence of said)
      expect(sentence).toMatch(/^(PostgreSQL|Elasticsearch) does not answer \(.*(_URL|time)/);
    for (const sentence of said.slice(0, 4)) expect(sentence).toMatch(/^PostgreSQL/);
  });

  it('does not keep status and wait from their ends where it is the API server', async () => {
    const kubeconfig = join(folder, 'kubeconfig.json');
    const cluster = { server: `https://${addresses.silent}`, 'insecure-skip-tls-verify': true };
    const config = {
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'here' },
      clusters: [{ name: 'here', cluster }],
      users: [{ name: 'me', user: {} }],
      contexts: [{ name: 'here', context: { cluster: 'here', user: 'me' } }],
    };
    writeFileSync(kubeconfig, JSON.stringify(config));
    const [status, wait] = await Promise.all([
      sentenceOf(['status'], { KUBECONFIG: kubeconfig }),
      runOps(['wait', 'all', '--timeout', '1'], { KUBECONFIG: kubeconfig }),
    ]);
    expect(status).toContain('no answer in time');
    expect(wait).toMatchObject({ code: 1, stdout: '' });
    expect(wait.stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/^the cluster does not answer: .*no answer in time$/) as string,
      'The cluster does not answer after 1 s.',
    ]);
  });
});
