import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { readEnv } from '../../services/platform/env.ts';
import { messageOf } from '../../services/platform/errors.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { createClient, createPool, postgresEnv } from '../../services/platform/postgres.ts';
import { isDatabaseUnavailable } from '../../services/platform/postgres-outage.ts';

// What the driver's parser throws would end the process: here it fails the run.
let server: Server | undefined;
afterEach(() => server?.close());

/** A server that answers the n-th packet of a client with the n-th of these, and whose connections stay open. */
const answering = async (...answers: readonly Buffer[]) => {
  const listening = createServer((socket) => {
    const left = [...answers];
    socket.on('error', () => undefined);
    socket.on('data', () => {
      const next = left.shift();
      // In two parts, as a network may bring it.
      if (next === undefined) return;
      socket.write(next.subarray(0, 3));
      setTimeout(() => socket.write(next.subarray(3)), 20);
    });
    listening.on('close', () => socket.destroy());
  });
  server = listening;
  await once(listening.listen(0, '127.0.0.1'), 'listening');
  const address = listening.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return readEnv(postgresEnv, { DATABASE_URL: `postgres://somebody:secret@127.0.0.1:${port}/nothing` });
};

const message = (code: string, ...content: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(content);
  const header = Buffer.from([code.charCodeAt(0), 0, 0, 0, 0]);
  header.writeUInt32BE(4 + body.length, 1);
  return Buffer.concat([header, body]);
};
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
/** What MySQL says first: the length of the rest in three bytes, a counter, a 10 and its version. */
const mysql = (bytes: number): Buffer =>
  Buffer.concat([Buffer.from([bytes, 0, 0, 0, 10]), Buffer.from('8.0.36-'.padEnd(bytes - 1, 'x'))]);

const logger = createLogger({ service: 'test', level: 'silent' });

/** What a statement fails with, by the pool and by a connection of its own. */
const failures = async (config: Awaited<ReturnType<typeof answering>>): Promise<unknown[]> => {
  const pool = createPool(config, 'test', logger);
  const client = createClient(config, 'test');
  const results = await Promise.allSettled([
    pool.query('SELECT 1'),
    client.connect().then(() => client.query('SELECT 1')),
  ]);
  await pool.end();
  return results.map((result) => (result.status === 'rejected' ? (result.reason as unknown) : undefined));
};

describe('what answers in the place of PostgreSQL is an outage that says what it is', () => {
  it.each([
    ['a web server', Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'), /says "HTT/],
    ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), /says "SSH/],
    ['MySQL whose greeting looks like an error', mysql(0x45), /not PostgreSQL/],
    ['MySQL whose greeting looks like a notice', mysql(0x4e), /not PostgreSQL/],
    ['MySQL whose greeting looks like a request to authenticate', mysql(0x52), /Unknown authentication/],
    ['a way to authenticate that nobody knows', message('R', int32(99)), /Unknown authentication.* 99/],
    ['one that the driver does not know, GSSAPI', message('R', int32(7)), /Unknown authentication.* 7/],
    ['zeros', Buffer.alloc(100), /not PostgreSQL/],
    ['an error without an end', message('E', Buffer.from('SFATAL')), /not PostgreSQL/],
  ])('%s', async (_, greeting, reason) => {
    for (const error of await failures(await answering(greeting))) {
      expect(messageOf(error)).toMatch(reason);
      expect(isDatabaseUnavailable(error)).toBe(true);
    }
  });

  it.each([
    ['a row of more columns than it has', message('T', Buffer.from([0x03, 0xe8]))],
    ['a message of no known kind', message('?', int32(1))],
  ])('%s, after it began as PostgreSQL', async (_, answer) => {
    const begin = Buffer.concat([message('R', int32(0)), message('Z', Buffer.from('I'))]);
    for (const error of await failures(await answering(begin, answer))) {
      expect(isDatabaseUnavailable(error)).toBe(true);
    }
  });

  it('a refusal of PostgreSQL keeps its words', async () => {
    const refusal = message('E', Buffer.from('SFATAL\0C28P01\0Mpassword authentication failed\0\0'));
    for (const error of await failures(await answering(refusal))) {
      expect(error).toMatchObject({ code: '28P01', message: 'password authentication failed' });
    }
  });
});
