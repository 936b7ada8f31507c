/** A Kafka as production has it: TLS, a user for each client by SCRAM, and an authorizer with the ACLs of the manifests. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import { ACLS, aclsOf, userNameOf, type Acl, type KafkaClient } from '../../infra/constructs/kafka.ts';
import { findJdk } from '../../infra/local/bootstrap/jdk.mjs';
import { kafkaHome } from '../../infra/local/jars.ts';
import { startKafka } from '../../infra/local/kafka.ts';
import { runTool } from '../../infra/local/maven.ts';
import { createAuthority, issueCertificate } from './certificates.ts';

export interface AuthorizedKafka {
  /** Listener without TLS whose clients may do everything, for the test itself. */
  readonly plain: string;
  /** Port of the listener with TLS and SCRAM. */
  readonly port: number;
  /** CA of the broker's certificate, as PEM, and as a file. */
  readonly ca: string;
  readonly caFile: string;
  readonly passwordOf: (client: KafkaClient) => string;
  /** Gives a client more rights than the manifests do. */
  allow(client: KafkaClient, rights: readonly Acl[]): Promise<void>;
  /** Takes rights away again. */
  withdraw(client: KafkaClient, rights: readonly Acl[]): Promise<void>;
  close(): Promise<void>;
}

const CLIENTS = Object.keys(ACLS) as KafkaClient[];
const passwordOf = (client: KafkaClient): string => `password-of-${client}`;

/** Rules as `ChangeAcls.java` takes them. */
const rulesOf = (client: KafkaClient, rights: readonly Acl[]): string[] =>
  rights.flatMap(({ type, name, isPrefix, operations }) =>
    operations.map(
      (operation) => `${userNameOf(client)} ${type} ${name} ${isPrefix ? 'PREFIXED' : 'LITERAL'} ${operation}`,
    ),
  );

const changeAcls = async (bootstrap: string, how: 'create' | 'delete', rules: readonly string[]): Promise<void> => {
  const jdk = findJdk();
  const { classpath } = await kafkaHome(jdk);
  const program = join(import.meta.dirname, 'ChangeAcls.java');
  await runTool(jdk.java, ['-cp', classpath, program, bootstrap, how, ...rules]);
};

/**
 * @param options.host address to listen on
 * @param options.console whether the API has the rights that its console needs
 * @param options.advertised how clients with TLS reach it, when that is not `host` and the port
 */
export const startAuthorizedKafka = async (
  options: { readonly host?: string; readonly advertised?: string; readonly console?: boolean } = {},
): Promise<AuthorizedKafka> => {
  const { host = '127.0.0.1', advertised, console = false } = options;
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-authorized-'));
  const authority = await createAuthority('taskstream test CA');
  const names = advertised === undefined ? [] : [advertised.replace(/:\d+$/, '')];
  const { cert, key } = await issueCertificate(authority, 'kafka', names);
  const [plain, scram, controller] = await Promise.all([getPort({ host }), getPort({ host }), getPort()]);
  const pem = (text: string) => text.replaceAll(/\r?\n/g, '\\n');
  const server = await startKafka({
    dataDir: join(folder, 'kafka'),
    host,
    port: plain,
    logFile: join(folder, 'kafka.log'),
    scramUsers: CLIENTS.map((client) => ({ name: userNameOf(client), password: passwordOf(client) })),
    settings: {
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      'inter.broker.listener.name': 'PLAIN',
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,SCRAM:SASL_SSL',
      listeners: `PLAIN://${host}:${plain},SCRAM://${host}:${scram},CONTROLLER://127.0.0.1:${controller}`,
      'advertised.listeners': `PLAIN://${host}:${plain},SCRAM://${advertised ?? `${host}:${scram}`}`,
      'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
      'listener.name.scram.scram-sha-512.sasl.jaas.config':
        'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.certificate.chain': pem(cert),
      'ssl.keystore.key': pem(key),
      // What Strimzi sets for `authorization: simple`.
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
    },
  });
  const change = async (how: 'create' | 'delete', client: KafkaClient, rights: readonly Acl[]): Promise<void> => {
    await changeAcls(`${host}:${plain}`, how, rulesOf(client, rights));
  };
  await changeAcls(
    `${host}:${plain}`,
    'create',
    CLIENTS.flatMap((client) => rulesOf(client, aclsOf(client, { console }))),
  );
  const caFile = join(folder, 'ca.crt');
  writeFileSync(caFile, authority.cert);
  return {
    plain: `${host}:${plain}`,
    port: scram,
    ca: authority.cert,
    caFile,
    passwordOf,
    allow: (client, rights) => change('create', client, rights),
    withdraw: (client, rights) => change('delete', client, rights),
    close: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
