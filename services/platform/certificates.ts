/** Certificates in files, which whoever issues them renews while services run. */
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * @param pem one certificate or several
 * @returns when the first of them ends, in milliseconds since 1970
 * @throws when there is none, or one that is broken
 */
export const earliestEnd = (pem: string): number => {
  const ends = (pem.match(BLOCK) ?? []).map((block) => Date.parse(new X509Certificate(block).validTo));
  if (ends.length === 0) throw new Error('no certificate in it');
  return Math.min(...ends);
};

export interface Authority {
  readonly pem: string;
  /** When it ends, in milliseconds since 1970. */
  readonly endsAt: number;
}

/**
 * The CA in a file, or those of a folder, in each of its files `*.crt`. While Strimzi replaces a CA with its key, its Secret
 * has the old one beside the new one, and brokers have certificates of either: a folder ends with the last of its files.
 * @throws when it cannot be read, or a file holds no certificate
 */
export const readAuthority = (path: string): Authority => {
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => name.endsWith('.crt'))
        .sort()
        .map((name) => join(path, name))
    : [path];
  if (files.length === 0) throw new Error(`no file *.crt in ${path}`);
  const pems = files.map((file) => readFileSync(file, 'utf8'));
  return { pem: pems.join('\n'), endsAt: Math.max(...pems.map(earliestEnd)) };
};

/**
 * The certificates of a CA for each new connection, read again each time. While the file holds no certificate, as one that is
 * being replaced, what was read last counts.
 * @throws when it cannot be read now, or holds none
 */
export const watchAuthority = (path: string): (() => string) => {
  let last = readAuthority(path);
  return () => {
    try {
      last = readAuthority(path);
    } catch {
      // `observeRenewals` says so.
    }
    return last.pem;
  };
};
