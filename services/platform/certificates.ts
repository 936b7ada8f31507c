/** Files with certificates, which whoever issues them renews while services run. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Counter, Gauge, type Registry } from 'prom-client';
import { messageOf } from './errors.ts';
import type { Logger } from './logger.ts';

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

/**
 * The certificates of a CA for each new connection, read again each time. While the file holds no certificate, as one that is
 * being replaced, what was read last counts.
 * @throws when it cannot be read now, or holds none
 */
export const watchAuthority = (file: string): (() => string) => {
  const read = (): string => {
    const pem = readFileSync(file, 'utf8');
    earliestEnd(pem);
    return pem;
  };
  let last = read();
  return () => {
    try {
      last = read();
    } catch {
      // The metric goes away, and says so.
    }
    return last;
  };
};

/** Settings that name files with certificates, and the server that they are for. */
const CERTIFICATE_SETTINGS = {
  KAFKA_CA_FILE: 'kafka',
  KAFKA_CERT_FILE: 'kafka',
  ELASTICSEARCH_CA_FILE: 'elasticsearch',
  DATABASE_CA_FILE: 'postgres',
} as const;
type Setting = keyof typeof CERTIFICATE_SETTINGS;
export type CertificateSettings = Readonly<Partial<Record<Setting, string | undefined>>>;

/**
 * Tells when the certificates in the files end, read again for each scrape, and counts and logs each renewal.
 * A file that cannot be read is the client's affair to complain of; here it is only logged, once.
 */
export const observeCertificates = (config: CertificateSettings, registry: Registry, logger: Logger): void => {
  const files = new Map<string, string>();
  for (const [setting, server] of Object.entries(CERTIFICATE_SETTINGS)) {
    const file = config[setting as Setting];
    if (file !== undefined) files.set(file, server);
  }
  const known = new Map<string, string>();
  const unreadable = new Set<string>();
  const renewals = new Counter({
    name: 'taskstream_certificate_renewals_total',
    help: 'Times that a file with certificates was found changed.',
    labelNames: ['file', 'server'],
    registers: [registry],
  });
  const expiry = new Gauge({
    name: 'taskstream_certificate_expiry_timestamp_seconds',
    help: 'When the first certificate in a file ends, in seconds since 1970; absent when that cannot be told.',
    labelNames: ['file', 'server'],
    registers: [registry],
    collect: () => {
      look();
    },
  });
  const look = (): void => {
    for (const [file, server] of files) {
      try {
        const pem = readFileSync(file, 'utf8');
        expiry.set({ file, server }, earliestEnd(pem) / 1_000);
        unreadable.delete(file);
        const before = known.get(file);
        known.set(file, pem);
        if (before === undefined || before === pem) continue;
        renewals.inc({ file, server });
        logger.info({ file, server }, 'certificates were renewed');
      } catch (error) {
        expiry.remove({ file, server });
        if (!unreadable.has(file)) {
          logger.warn({ file, reason: messageOf(error) }, 'cannot tell when this certificate ends');
        }
        unreadable.add(file);
      }
    }
  };
  for (const [file, server] of files) renewals.inc({ file, server }, 0);
  look();
};
