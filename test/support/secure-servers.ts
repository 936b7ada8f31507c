/** Servers that take nothing but TLS and known users: a real Kafka, a real PostgreSQL, Elasticsearch behind a TLS proxy. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import getPort from 'get-port';
import { Client } from 'pg';
import { inject } from 'vitest';
import { startKafka } from '../../infra/local/kafka.ts';
import { startPostgres } from '../../infra/local/postgres.ts';
import { createAuthority, issueCertificate, type Certificate } from './certificates.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { createTestTopics, type TestTopics } from './kafka.ts';
import { killProcess, startService, type ServiceProcess } from './process.ts';
import { createTestIndex } from './search-index.ts';
import { AUDIENCE, startTokenEndpoint } from './token-endpoint.ts';

/** The one user that all servers know. */
export const USER = { name: 'taskstream', password: 'correct horse: battery=staple %41' } as const;

const basic = (name: string, password: string): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
/** As Elasticsearch encodes one: an id, a colon and the key. */
const API_KEY = Buffer.from('taskstream:key').toString('base64');

export interface SecureServers {
  /** Superuser's URL; takes connections without TLS too, for the test itself. */
  readonly postgresUrl: string;
  readonly kafka: {
    /** Listener without TLS, for the test itself. */
    readonly plain: string;
    /** TLS and SCRAM-SHA-512. */
    readonly scram: string;
    /** TLS with a client certificate. */
    readonly mutual: string;
    /** TLS and SASL PLAIN. */
    readonly password: string;
    /** TLS and OAUTHBEARER: tokens of the one at `tokenUrl`, whose client and secret are USER's. */
    readonly oauth: string;
  };
  readonly tokenUrl: string;
  tokensGiven(): number;
  /** TLS, and basic authentication or the API key. */
  readonly elasticsearchUrl: string;
  readonly apiKey: string;
  /** PEM files; `otherCa` signed none of the servers' certificates. */
  readonly files: { readonly ca: string; readonly otherCa: string; readonly cert: string; readonly key: string };
  /** A login in files, as Secrets are mounted. `cas` is a folder with every CA of Kafka's. */
  readonly mounted: {
    readonly cas: string;
    readonly username: string;
    readonly password: string;
    /** PostgreSQL's, whose user is USER's name. */
    readonly databaseUrl: string;
  };
  /**
   * Another CA, with another key, signs new certificates of all servers and of the client. The files get theirs first, as a
   * Secret does; then PostgreSQL and Elasticsearch change theirs and close no connection, and Kafka is restarted.
   */
  renew(): Promise<void>;
  /**
   * As operators renew under load: no connection is cut, except Kafka's, whose broker is restarted. Files get what is new first. Of a CA
   * with another key both are in the files until the servers have their certificates, as Strimzi has it.
   * @param change a new certificate of the CA with the same key, a CA with another key, or the user's password
   */
  renewGently(change: 'same key' | 'new key' | { readonly password: string }): Promise<void>;
  /** Ends all connections to PostgreSQL and Elasticsearch. */
  closeConnections(): Promise<void>;
  close(): Promise<void>;
}

export interface SecurePipeline {
  readonly servers: SecureServers;
  readonly database: TestDatabase;
  readonly topics: TestTopics;
  /** Starts a process that knows where everything is, and has no login but for what `env` says. */
  start(service: 'api' | 'indexer', env: Readonly<Record<string, string>>): Promise<ServiceProcess>;
  close(): Promise<void>;
}

/** Those servers with a database, topics and an index of a test's own. */
export const createSecurePipeline = async (): Promise<SecurePipeline> => {
  const elasticsearchUrl = inject('elasticsearchUrl');
  const servers = await startSecureServers(elasticsearchUrl);
  const [database, topics, index] = await Promise.all([
    createTestDatabase(servers.postgresUrl),
    createTestTopics(servers.kafka.plain),
    createTestIndex(elasticsearchUrl),
  ]);
  const env = {
    DATABASE_TLS: 'verify-full',
    DATABASE_CA_FILE: servers.files.ca,
    ELASTICSEARCH_URL: servers.elasticsearchUrl,
    ELASTICSEARCH_CA_FILE: servers.files.ca,
    KAFKA_TLS: 'true',
    KAFKA_CA_FILE: servers.files.ca,
    TASKS_TOPIC: topics.tasks,
    DEAD_LETTER_TOPIC: topics.deadLetters,
    TASK_INDEX: index.alias,
    CONSUMER_GROUP: `group-${topics.tasks}`,
    LOG_LEVEL: 'warn',
  };
  const running: ServiceProcess[] = [];
  return {
    servers,
    database,
    topics,
    start: async (service, more) => {
      const process = await startService(service, { ...env, ...more });
      running.push(process);
      return process;
    },
    close: async () => {
      await Promise.all(running.map(killProcess));
      await Promise.all([database.close(), topics.close(), index.close()]);
      await servers.close();
    },
  };
};

const startSecureServers = async (elasticsearchUrl: string): Promise<SecureServers> => {
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-secure-'));
  const authority = await createAuthority('taskstream test CA');
  const [server, client, other] = await Promise.all([
    issueCertificate(authority, 'server'),
    issueCertificate(authority, USER.name),
    createAuthority('another CA'),
  ]);
  const file = (name: string, content: string): string => {
    const path = join(folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const files = {
    ca: file('ca.crt', authority.cert),
    otherCa: file('other-ca.crt', other.cert),
    cert: file('client.crt', client.cert),
    key: file('client.key', client.key),
  };
  const tokens = await startTokenEndpoint(server, USER);
  const jwksUrl = pathToFileURL(file('jwks.json', tokens.jwks)).href;
  const [postgres, firstKafka, proxy] = await Promise.all([
    startTlsPostgres(folder, server),
    startTlsKafka(folder, authority, server, jwksUrl),
    startTlsProxy(elasticsearchUrl, server),
  ]);
  let kafka = firstKafka;
  let authorityNow = authority;
  let serverNow = server;
  let password: string = USER.password;
  const cas = join(folder, 'kafka-cas');
  mkdirSync(cas);
  writeFileSync(join(cas, 'ca.crt'), authority.cert);
  const mounted = {
    cas,
    username: file('username', USER.name),
    password: file('password', USER.password),
    databaseUrl: file('database-url', ''),
  };
  const restartKafka = async (): Promise<void> => {
    await kafka.stop();
    kafka = await startTlsKafka(folder, authorityNow, serverNow, jwksUrl, kafka.ports, password);
  };
  const renewPassword = async (renewed: string): Promise<void> => {
    password = renewed;
    const url = new URL(readFileSync(mounted.databaseUrl, 'utf8'));
    url.password = renewed;
    // PostgreSQL has it first, and Elasticsearch last.
    await postgres.setPassword(renewed);
    file('database-url', url.href);
    file('password', renewed);
    await sleep(500);
    proxy.setPassword(renewed);
    await restartKafka();
  };
  const renewCertificates = async (isSameKey: boolean): Promise<void> => {
    const old = authorityNow;
    authorityNow = await createAuthority('taskstream test CA', undefined, isSameKey ? old : undefined);
    serverNow = await issueCertificate(authorityNow, 'server');
    writeFileSync(join(cas, 'ca.crt'), authorityNow.cert);
    if (!isSameKey) writeFileSync(join(cas, 'ca-of-before.crt'), old.cert);
    file('ca.crt', isSameKey ? authorityNow.cert : `${authorityNow.cert}\n${old.cert}`);
    await sleep(2_500);
    await postgres.renew(serverNow);
    proxy.renew(serverNow);
    await restartKafka();
    rmSync(join(cas, 'ca-of-before.crt'), { force: true });
    file('ca.crt', authorityNow.cert);
  };
  return {
    postgresUrl: postgres.url,
    kafka: kafka.listeners,
    mounted,
    tokenUrl: tokens.url,
    tokensGiven: () => tokens.given(),
    elasticsearchUrl: `https://127.0.0.1:${proxy.port}`,
    apiKey: API_KEY,
    files,
    renew: async () => {
      const renewed = await createAuthority('taskstream test CA');
      const [newServer, newClient] = await Promise.all([
        issueCertificate(renewed, 'server'),
        issueCertificate(renewed, USER.name),
      ]);
      file('ca.crt', renewed.cert);
      file('client.crt', newClient.cert);
      file('client.key', newClient.key);
      await postgres.renew(newServer);
      proxy.renew(newServer);
      await kafka.stop();
      kafka = await startTlsKafka(folder, renewed, newServer, jwksUrl, kafka.ports);
    },
    renewGently: async (change) => {
      await (typeof change === 'string' ? renewCertificates(change === 'same key') : renewPassword(change.password));
      proxy.drain();
    },
    closeConnections: async () => {
      proxy.closeConnections();
      await postgres.closeConnections();
    },
    close: async () => {
      await Promise.all([postgres.stop(), kafka.stop(), proxy.close(), tokens.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

const startTlsPostgres = async (folder: string, certificate: Certificate) => {
  const options = {
    dataDir: join(folder, 'postgres'),
    port: await getPort(),
    logFile: join(folder, 'postgres.log'),
  };
  // The first start makes the data folder; its owner is the user that PostgreSQL runs as, and must own the key.
  const first = await startPostgres(options);
  await first.stop();
  const { uid, gid } = statSync(options.dataDir);
  const install = ({ cert, key }: Certificate): void => {
    for (const [name, content] of [
      ['server.crt', cert],
      ['server.key', key],
    ] as const) {
      const path = join(options.dataDir, name);
      writeFileSync(path, content);
      chmodSync(path, 0o600);
      chownSync(path, uid, gid);
    }
  };
  install(certificate);
  const server = await startPostgres({ ...options, settings: { ssl: 'on' } });
  const ask = async (statement: string): Promise<void> => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    await client.query(statement);
    await client.end();
  };
  return {
    url: server.url,
    renew: async (renewed: Certificate) => {
      install(renewed);
      await ask('SELECT pg_reload_conf()');
    },
    setPassword: (password: string) => ask(`ALTER ROLE ${USER.name} PASSWORD '${password}'`),
    closeConnections: () =>
      ask(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'taskstream%'`),
    stop: () => server.stop(),
  };
};

const startTlsKafka = async (
  folder: string,
  authority: Certificate,
  certificate: Certificate,
  jwksUrl: string,
  given?: readonly number[],
  userPassword: string = USER.password,
) => {
  const ports = given ?? (await Promise.all(Array.from({ length: 6 }, () => getPort())));
  const [plain, scram, mutual, password, oauth, controller] = ports;
  const at = (port = 0) => `127.0.0.1:${port}`;
  const client = [
    `PLAIN://${at(plain)},SCRAM://${at(scram)},MUTUAL://${at(mutual)}`,
    `PASSWORD://${at(password)},OAUTH://${at(oauth)}`,
  ].join();
  const pem = (text: string) => text.replaceAll(/\r?\n/g, '\\n');
  const server = await startKafka({
    dataDir: join(folder, 'kafka'),
    port: plain ?? 0,
    logFile: join(folder, 'kafka.log'),
    scramUsers: [USER],
    // Kafka reads keys from nowhere that it is not told (CVE-2025-27817).
    flags: [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${jwksUrl}`],
    settings: {
      'controller.quorum.voters': `1@${at(controller)}`,
      'inter.broker.listener.name': 'PLAIN',
      'listener.security.protocol.map':
        'CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,SCRAM:SASL_SSL,MUTUAL:SSL,PASSWORD:SASL_SSL,OAUTH:SASL_SSL',
      listeners: `${client},CONTROLLER://${at(controller)}`,
      'advertised.listeners': client,
      'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
      'listener.name.scram.scram-sha-512.sasl.jaas.config':
        'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'listener.name.mutual.ssl.client.auth': 'required',
      'listener.name.password.sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.password.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${USER.name}="${userPassword}";`,
      'listener.name.oauth.sasl.enabled.mechanisms': 'OAUTHBEARER',
      'listener.name.oauth.oauthbearer.sasl.jaas.config':
        'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;',
      'listener.name.oauth.oauthbearer.sasl.server.callback.handler.class':
        'org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler',
      'sasl.oauthbearer.jwks.endpoint.url': jwksUrl,
      'sasl.oauthbearer.expected.audience': AUDIENCE,
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.certificate.chain': pem(certificate.cert),
      'ssl.keystore.key': pem(certificate.key),
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.certificates': pem(authority.cert),
    },
  });
  return {
    ports,
    listeners: {
      plain: at(plain),
      scram: at(scram),
      mutual: at(mutual),
      password: at(password),
      oauth: at(oauth),
    },
    stop: () => server.stop(),
  };
};

/**
 * TLS and basic authentication in front of an Elasticsearch that has neither: the security module is not among the
 * published jars.
 */
export const startTlsProxy = async (targetUrl: string, { cert, key }: Certificate) => {
  let login = basic(USER.name, USER.password);
  let drainsUntil = 0;
  const server = createServer({ cert, key }, (incoming, outgoing) => {
    const expected: readonly unknown[] = [login, `ApiKey ${API_KEY}`];
    if (!expected.includes(incoming.headers.authorization)) {
      outgoing.writeHead(401, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' });
      outgoing.end('{"error":{"type":"security_exception","reason":"unable to authenticate user"},"status":401}');
      return;
    }
    const { method, headers } = incoming;
    const forwarded = request(
      new URL(incoming.url ?? '/', targetUrl),
      { ...(method === undefined ? {} : { method }), headers },
      (answer) => {
        const closing = Date.now() < drainsUntil ? { connection: 'close' } : {};
        outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...closing });
        answer.pipe(outgoing);
      },
    );
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  const port = await getPort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port,
    renew: (certificate: Certificate) => {
      server.setSecureContext(certificate);
    },
    setPassword: (password: string) => {
      login = basic(USER.name, password);
    },
    /** Its connections end with their next answer. */
    drain: () => {
      drainsUntil = Date.now() + 2_000;
    },
    /** As a load balancer does in the end. */
    closeConnections: () => {
      server.closeAllConnections();
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
