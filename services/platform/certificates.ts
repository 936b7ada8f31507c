/** When the certificates that a service has loaded end: what an alert can warn of before connections fail. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Gauge, type Registry } from 'prom-client';
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

/** Settings that name files with certificates. */
const CERTIFICATE_SETTINGS = ['KAFKA_CA_FILE', 'KAFKA_CERT_FILE', 'ELASTICSEARCH_CA_FILE', 'DATABASE_CA_FILE'] as const;
export type CertificateSettings = Readonly<Partial<Record<(typeof CERTIFICATE_SETTINGS)[number], string | undefined>>>;

/**
 * Reads the files once, as the clients do: a renewed file counts only after a restart, and until then the alert is right.
 * A file that cannot be read is the client's affair to complain of; here it is only logged.
 */
export const observeCertificates = (config: CertificateSettings, registry: Registry, logger: Logger): void => {
  const expiry = new Gauge({
    name: 'taskstream_certificate_expiry_timestamp_seconds',
    help: 'When the first certificate in a file ends, of the files loaded at the start, in seconds since 1970.',
    labelNames: ['file'],
    registers: [registry],
  });
  for (const file of new Set(CERTIFICATE_SETTINGS.map((setting) => config[setting]))) {
    if (file === undefined) continue;
    try {
      expiry.set({ file }, earliestEnd(readFileSync(file, 'utf8')) / 1_000);
    } catch (error) {
      logger.warn({ file, reason: messageOf(error) }, 'cannot tell when this certificate ends');
    }
  }
};
