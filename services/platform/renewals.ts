/** Certificates and logins in files that are renewed while a service runs: what of it uses those of before, and for how long they last. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { readAuthority } from './certificates.ts';
import { fileVariablesOf } from './env.ts';
import { messageOf } from './errors.ts';
import type { Logger } from './logger.ts';

type Server = 'kafka' | 'elasticsearch' | 'postgres';

/** Settings that name files with certificates, and the server that they are for. */
const CERTIFICATE_SETTINGS = {
  KAFKA_CA_FILE: 'kafka',
  KAFKA_CERT_FILE: 'kafka',
  ELASTICSEARCH_CA_FILE: 'elasticsearch',
  DATABASE_CA_FILE: 'postgres',
} as const satisfies Readonly<Record<string, Server>>;
type Setting = keyof typeof CERTIFICATE_SETTINGS;
export type CertificateSettings = Readonly<Partial<Record<Setting, string | undefined>>>;

/** How the variables of a server's login begin. */
const LOGIN_PREFIXES: readonly (readonly [prefix: string, server: Server])[] = [
  ['KAFKA_', 'kafka'],
  ['ELASTICSEARCH_', 'elasticsearch'],
  ['DATABASE_', 'postgres'],
];

export interface Renewals {
  /** Says of a client of Kafka whether it was made of what the files say now; nothing when it has ended. */
  readonly report: (client: string, isCurrent: boolean | undefined) => void;
}

/** For commands, which end before anything is renewed. */
export const NO_RENEWALS: Renewals = { report: () => undefined };

interface WatchedFile {
  readonly file: string;
  readonly server: Server;
  /** Its content, and when its certificates end. @throws when it cannot be used */
  readonly read: () => { readonly content: unknown; readonly endsAt?: number };
}

const watchedFiles = (config: CertificateSettings): readonly WatchedFile[] => [
  ...Object.entries(CERTIFICATE_SETTINGS).flatMap(([setting, server]) => {
    const file = config[setting as Setting];
    const read = (path: string) => {
      const { pem, endsAt } = readAuthority(path);
      return { content: pem, endsAt };
    };
    return file === undefined ? [] : [{ file, server, read: () => read(file) }];
  }),
  ...fileVariablesOf(config).flatMap(({ name, file, read }) => {
    const server = LOGIN_PREFIXES.find(([prefix]) => name.startsWith(prefix))?.[1];
    return server === undefined ? [] : [{ file, server, read: () => ({ content: read() }) }];
  }),
];

/** The label `client` of what is not a client that lives as long as the service. */
const NEW_CONNECTIONS = 'new connections';

/**
 * Reads the files again for each scrape: tells when certificates end, counts and logs each renewal, and shows what uses
 * something else than the files say, be it a client that was made before, or new connections while a file cannot be used.
 * @param config as `readEnv` returned it
 */
export const observeRenewals = (config: CertificateSettings, registry: Registry, logger: Logger): Renewals => {
  const files = new Map(watchedFiles(config).map((each) => [each.file, each]));
  const known = new Map<string, unknown>();
  const unusable = new Set<string>();
  const renewals = new Counter({
    name: 'taskstream_certificate_renewals_total',
    help: 'Times that a file with certificates or a part of a login was found changed.',
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
  const pending = new Gauge({
    name: 'taskstream_renewal_pending',
    help: '1 while a client uses certificates or a login of before, or a renewed file cannot be used; else 0.',
    labelNames: ['server', 'client'],
    registers: [registry],
    collect: () => {
      const servers = new Map<Server, boolean>();
      for (const { file, server } of files.values()) {
        servers.set(server, servers.get(server) === true || unusable.has(file));
      }
      for (const [server, isPending] of servers) pending.set({ server, client: NEW_CONNECTIONS }, Number(isPending));
    },
  });
  const look = (): void => {
    for (const { file, server, read } of files.values()) {
      try {
        const { content, endsAt } = read();
        if (endsAt !== undefined) expiry.set({ file, server }, endsAt / 1_000);
        unusable.delete(file);
        const before = known.get(file);
        known.set(file, content);
        if (before === undefined || before === content) continue;
        renewals.inc({ file, server });
        logger.info({ file, server }, 'certificates or a login were renewed');
      } catch (error) {
        expiry.remove({ file, server });
        if (!unusable.has(file)) {
          logger.warn(
            { file, server, reason: messageOf(error) },
            'this file cannot be used: what it said before counts',
          );
        }
        unusable.add(file);
      }
    }
  };
  for (const { file, server } of files.values()) renewals.inc({ file, server }, 0);
  look();
  return {
    report: (client, isCurrent) => {
      const labels = { server: 'kafka', client };
      if (isCurrent === undefined) pending.remove(labels);
      else pending.set(labels, Number(!isCurrent));
    },
  };
};
