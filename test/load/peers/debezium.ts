/**
 * Debezium Server, which reads PostgreSQL's log and routes the rows of an outbox to Kafka. From its
 * distribution on Maven Central, with the settings of its documentation for an outbox (`EventRouter`) and `pgoutput`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cached } from '../../../infra/local/bootstrap/cache.mjs';
import { findJdk, findMaven } from '../../../infra/local/bootstrap/jdk.mjs';
import { startChild } from '../../../infra/local/child.ts';
import { runMaven, runTool } from '../../../infra/local/maven.ts';
import { waitFor } from '../../support/wait.ts';
import type { Stack } from '../stack.ts';
import type { PeerModule, Publishing } from './peer.ts';

const NAME = 'Debezium Server';
const VERSION = '3.6.1.Final';
const MEGABYTES = 780;
const SLOT = 'bench_debezium';
const STOP_MS = 10_000;

/** The distribution, fetched once. @throws UserError when Maven is missing or fails */
const debeziumHome = async (): Promise<string> => {
  const entry = await cached(`debezium-server-${VERSION}`, async (folder) => {
    const { mvn, env } = findMaven(findJdk());
    const artifact = `io.debezium:debezium-server-dist:${VERSION}:tar.gz`;
    const args = ['--batch-mode', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`];
    await runMaven(`Debezium Server ${VERSION}`, mvn, args, env, MEGABYTES);
    const archive = join(folder, `debezium-server-dist-${VERSION}.tar.gz`);
    await runTool('tar', ['-xzf', archive, '-C', folder, 'debezium-server/lib', '--wildcards', '*-runner.jar']);
    rmSync(archive);
  });
  return join(entry, 'debezium-server');
};

/** From then on the log is kept for it: what is written before it starts, it publishes when it does. */
const prepareForDebezium = async ({ database }: Stack): Promise<void> => {
  await database.pool.query(`CREATE PUBLICATION ${SLOT} FOR TABLE outbox WITH (publish = 'insert')`);
  await database.pool.query(`SELECT pg_create_logical_replication_slot('${SLOT}', 'pgoutput')`);
};

/** @returns the process; it goes on publishing until it is stopped */
const startDebezium = async (home: string, { env, database, topics, countCpu }: Stack): Promise<Publishing> => {
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-debezium-'));
  const { hostname, port, username, password, pathname } = new URL(env['DATABASE_URL'] ?? '');
  const settings = {
    'debezium.source.connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'debezium.source.database.hostname': hostname,
    'debezium.source.database.port': port,
    'debezium.source.database.user': username,
    'debezium.source.database.password': password,
    'debezium.source.database.dbname': pathname.slice(1),
    'debezium.source.topic.prefix': 'bench',
    'debezium.source.plugin.name': 'pgoutput',
    'debezium.source.slot.name': SLOT,
    'debezium.source.publication.name': SLOT,
    'debezium.source.publication.autocreate.mode': 'disabled',
    'debezium.source.table.include.list': 'public.outbox',
    'debezium.source.snapshot.mode': 'no_data',
    'debezium.source.tombstones.on.delete': 'false',
    'debezium.source.offset.storage.file.filename': join(folder, 'offsets'),
    'debezium.transforms': 'outbox',
    'debezium.transforms.outbox.type': 'io.debezium.transforms.outbox.EventRouter',
    'debezium.transforms.outbox.table.field.event.id': 'id',
    'debezium.transforms.outbox.table.field.event.key': 'task_id',
    'debezium.transforms.outbox.table.field.event.payload': 'task',
    'debezium.transforms.outbox.table.fields.additional.placement': 'type:header,version:header,created_at:header',
    'debezium.transforms.outbox.route.by.field': 'type',
    'debezium.transforms.outbox.route.topic.replacement': topics.tasks,
    'debezium.format.key': 'simplestring',
    'debezium.format.value': 'simplestring',
    'debezium.sink.type': 'kafka',
    'debezium.sink.kafka.producer.bootstrap.servers': env['KAFKA_BROKERS'] ?? '',
    'debezium.sink.kafka.producer.key.serializer': 'org.apache.kafka.common.serialization.StringSerializer',
    'debezium.sink.kafka.producer.value.serializer': 'org.apache.kafka.common.serialization.StringSerializer',
    // As the relay's producer has them.
    'debezium.sink.kafka.producer.acks': 'all',
    'debezium.sink.kafka.producer.enable.idempotence': 'true',
    'debezium.sink.kafka.producer.compression.type': 'lz4',
    'quarkus.http.port': '0',
    'quarkus.log.level': 'WARN',
  };
  mkdirSync(join(folder, 'config'));
  writeFileSync(
    join(folder, 'config/application.properties'),
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  const child = await startChild({
    name: NAME,
    command: join(findJdk().home, 'bin/java'),
    args: [
      '-cp',
      [join(home, `debezium-server-dist-${VERSION}-runner.jar`), join(folder, 'config'), join(home, 'lib/*')].join(':'),
      'io.debezium.server.Main',
    ],
    logFile: join(folder, 'log'),
    cwd: folder,
  });
  countCpu(NAME, child.pid);
  return {
    pid: child.pid,
    stop: async () => {
      await child.stop('SIGTERM', STOP_MS);
      // The server ends the session of a killed one a moment later.
      await waitFor('the replication slot to be free', async () => {
        await database.pool.query(`SELECT pg_drop_replication_slot('${SLOT}')`);
        return true;
      });
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

export const benches: PeerModule['benches'] = ['relay'];

export const open: PeerModule['open'] = async () => {
  const home = await debeziumHome();
  return {
    name: NAME,
    postgresSettings: { wal_level: 'logical' },
    goals: { rate: 1.5, cpu: 0.8 },
    prepare: prepareForDebezium,
    start: async (stack) => [await startDebezium(home, stack)],
  };
};
