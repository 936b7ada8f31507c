/** A bucket on this machine: a real S3 server, with TLS by a CA of its own. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import { inject } from 'vitest';
import { createAuthority, issueCertificate } from '../../support/certificates.ts';
import { waitFor } from '../../support/wait.ts';

export interface Bucket {
  readonly url: string;
  readonly port: number;
  readonly name: string;
  /** PEM. */
  readonly authority: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  close(): Promise<void>;
}

/**
 * @param host where it listens: the address of this machine as pods see it
 * @throws Error when the server ends or does not listen in time, with what it said
 */
export const startBucket = async (host: string): Promise<Bucket> => {
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-bucket-'));
  const name = 'backups';
  const path = (file: string): string => join(folder, file);
  // A folder is a bucket.
  for (const part of ['objects', `objects/${name}`, 'attributes']) mkdirSync(path(part));
  const authority = await createAuthority('CA of objects');
  const { cert, key } = await issueCertificate(authority, 'objects', [host]);
  writeFileSync(path('tls.crt'), cert);
  writeFileSync(path('tls.key'), key, { mode: 0o600 });
  const port = await getPort({ host });
  const [accessKeyId, secretAccessKey] = [randomBytes(8).toString('hex'), randomBytes(16).toString('hex')];
  const child = spawn(
    inject('versitygw'),
    [
      ...['--port', `${host}:${port}`, '--cert', path('tls.crt'), '--key', path('tls.key'), '--quiet'],
      // Beside the objects, as not every file system has attributes.
      ...['posix', '--sidecar', path('attributes'), path('objects')],
    ],
    {
      env: { ...process.env, ROOT_ACCESS_KEY_ID: accessKeyId, ROOT_SECRET_ACCESS_KEY: secretAccessKey },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      output += error.message;
      resolve();
    });
    child.once('close', () => {
      resolve();
    });
  });
  const close = async (): Promise<void> => {
    child.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitFor('the S3 server', () => isListening(host, port), { timeoutMs: 30_000 });
  } catch (error) {
    await close();
    throw new Error(`no S3 server: ${output}`, { cause: error });
  }
  return {
    url: `https://${host}:${port}`,
    port,
    name,
    authority: authority.cert,
    accessKeyId,
    secretAccessKey,
    close,
  };
};

const isListening = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
