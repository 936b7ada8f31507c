/** Backups of the product's own Cluster by the plugin Barman Cloud, and a restore to a time as its runbook says. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { Client as ElasticsearchClient } from '@elastic/elasticsearch';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { Backup, Environment, OperatedPostgres } from '../../infra/environments/schema.ts';
import { TASK_INDEX_ALIAS } from '../../services/task/resources.ts';
import { LEAST_BACKUP } from '../support/backup.ts';
import { completed, documentsOf } from '../support/content.ts';
import { manifestsOf, type Manifest } from '../support/manifests.ts';
import { jsonLines } from '../support/ops.ts';
import { creationOf, TEXT_FIELD, updateOf } from '../support/sample.ts';
import { waitFor } from '../support/wait.ts';
import { startBucket, type Bucket } from './support/bucket.ts';
import type { RunningScript } from './support/client.ts';
import { getJson, isLongForm, run, toYaml, type Output } from './support/cluster.ts';
import { CLUSTER, onOneNode, operatedPostgres, query, removeInstances, rowsOf } from './support/postgres.ts';
import { deployProduct, type Product } from './support/product.ts';

const OBJECT_STORE = `${CLUSTER}-backup`;
const SECRET = 'backup-bucket';
const CA_SECRET = 'objects-ca';
/** What the runbook's commands write, and what they apply. */
const FILES = ['cluster-before.yaml', 'after-backup.log', 'after-backup.ndjson', 'differences.json', 'manifests.yaml'];

let folder: string;
let bucket: Bucket;
let product: Product;

/** As the product has it with `servers.postgres.backup`, with the Secrets that docs/backup.md has people make. */
const objectsOf = (environment: Environment): readonly Manifest[] => {
  const { namespace } = environment;
  const [first, ...rest] = onOneNode(manifestsOf(environment));
  const secret = (name: string, stringData: Record<string, string>): Manifest => ({
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData },
  });
  return [
    ...(first === undefined ? [] : [first]),
    secret(SECRET, { 'access-key-id': bucket.accessKeyId, 'secret-access-key': bucket.secretAccessKey }),
    secret(CA_SECRET, { 'ca.crt': bucket.authority }),
    ...rest,
  ];
};

const backedUp = (host: string): OperatedPostgres & { readonly backup: Backup } => ({
  ...operatedPostgres(),
  backup: {
    ...LEAST_BACKUP,
    destinationPath: `s3://${bucket.name}/taskstream`,
    endpointUrl: bucket.url,
    caSecret: CA_SECRET,
    secret: SECRET,
    egress: { cidrs: [`${host}/32`], port: bucket.port },
  },
});

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'taskstream-backup-'));
  const host = inject('hostAddress');
  bucket = await startBucket(host);
  product = await deployProduct({ images: inject('images'), manifestsOf: objectsOf }, host, backedUp(host));
}, 600_000);
afterAll(async () => {
  await removeInstances(product);
  await product.close();
  await bucket.close();
  rmSync(folder, { recursive: true });
});

/** What was asked for, and when the answer came; both by the clock of this machine, as the node is on it. */
interface Write {
  readonly id: string;
  readonly version: number;
  readonly text: string;
  readonly sentAt: number;
  readonly acknowledgedAt: number;
}

/** Four clients that create and change tasks, each write with a text of its own. */
const startWriting = (name: string): RunningScript =>
  product.client.start(`
    let running = true;
    process.stdin.on('end', () => { running = false; }).resume();
    const writes = [];
    const send = async (method, path, body, text) => {
      const sentAt = Date.now();
      const response = await fetch('http://taskstream-api.${product.namespace}' + path, {
        method,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...body, ${TEXT_FIELD}: text }),
      });
      if (!response.ok) throw new Error('status ' + response.status + ' ' + (await response.text()));
      const { task: { id, version } } = await response.json();
      writes.push({ id, version, text, sentAt, acknowledgedAt: Date.now() });
      return id;
    };
    const worker = async (number) => {
      for (let turn = 0; running; turn += 1) {
        const text = (change) => [${JSON.stringify(name)}, number, turn, change].join(' ');
        const id = await send('POST', '/tasks', ${JSON.stringify(creationOf(''))}, text(0));
        for (let change = 1; running && change < 5; change += 1) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          await send('PUT', '/tasks/' + id, ${JSON.stringify(updateOf(''))}, text(change));
        }
      }
    };
    await Promise.all(Array.from({ length: 4 }, (_, number) => worker(number)));
    console.log(JSON.stringify(writes));`);

/** All that was acknowledged, of each task in order. */
const everything: Write[] = [];

const written = async (load: RunningScript): Promise<Write[]> => {
  const writes = JSON.parse(await load.finish()) as Write[];
  everything.push(...writes);
  return writes;
};

const completedBackups = async (): Promise<string[]> => {
  const { items } = (await getJson('-n', product.namespace, 'backups.postgresql.cnpg.io')) as { items: Manifest[] };
  const failed = items.find(({ status }) => status?.phase === 'failed');
  if (failed !== undefined) throw new Error(JSON.stringify(failed['status']));
  return items.filter(({ status }) => status?.phase === 'completed').map(({ metadata }) => metadata.name);
};
const oneMoreBackup = (than: readonly string[]): Promise<unknown> =>
  waitFor('a whole backup', async () => (await completedBackups()).some((name) => !than.includes(name)), {
    timeoutMs: 240_000,
    intervalMs: 1_000,
  });

const recoveryWindowOf = async (serverName: string): Promise<Record<string, string> | undefined> => {
  const { status } = await getJson('-n', product.namespace, 'objectstores.barmancloud.cnpg.io', OBJECT_STORE);
  return status?.serverRecoveryWindow?.[serverName] as Record<string, string> | undefined;
};

/** The first commands after `beginning`, as somebody copies them from a page of the documentation. */
const commandsOf = (page: string, beginning: RegExp): string => {
  const text = readFileSync(join(import.meta.dirname, `../../docs/${page}.md`), 'utf8');
  const [, indent = '', block] =
    new RegExp(`${beginning.source}[^]*?\`\`\`sh\\n( *)([^]*?)\`\`\``, 'm').exec(text) ?? [];
  if (block === undefined) throw new Error(`${page} has no commands after ${beginning.source}`);
  return block.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
};

/** Runs commands in a shell that is set up as the runbooks say for the cluster, on this test's namespace and files. */
const shell = (commands: string): Promise<Output> => {
  const setup = commandsOf('runbooks/README', /^On the \*\*cluster\*\*/);
  const script = `${setup}\n${commands}`
    .replaceAll('-n taskstream ', `-n ${product.namespace} `)
    .replaceAll('-n taskstream\n', `-n ${product.namespace}\n`)
    .replaceAll(new RegExp(FILES.join('|'), 'g'), (file) => join(folder, file));
  return run('bash', ['-euo', 'pipefail', '-c', script], {
    env: { PATH: [dirname(inject('kubectl')), process.env['PATH']].join(delimiter) },
  });
};
const stepOf = (page: string, number: number): string => commandsOf(`runbooks/${page}`, new RegExp(`^${number}\\. `));
const succeeds = async (commands: string): Promise<string> => {
  const { code, stdout, stderr } = await shell(commands);
  expect(code, `${commands}\n${stdout}\n${stderr}`).toBe(0);
  return stdout;
};
const scaleApi = (replicas: number): Promise<string> =>
  product.kubectl('scale', 'deployment', 'taskstream-api', `--replicas=${replicas}`);

it('a whole backup is made at once, by its schedule, and the log follows it into the bucket', async () => {
  await oneMoreBackup([]);
  await waitFor('the log to be archived', async () => {
    const { status } = await getJson('-n', product.namespace, 'clusters.postgresql.cnpg.io', CLUSTER);
    const { conditions } = status as { conditions: { type: string; status: string }[] };
    expect(conditions).toContainEqual(expect.objectContaining({ type: 'ContinuousArchiving', status: 'True' }));
    return true;
  });
  expect(await recoveryWindowOf(LEAST_BACKUP.serverName)).toMatchObject({
    firstRecoverabilityPoint: expect.any(String),
    lastSuccessfulBackupTime: expect.any(String),
  });
  // What the alerts look at.
  const { status } = await getJson('-n', product.namespace, 'pod', `${CLUSTER}-1`);
  await waitFor('the age of the backup to be measured', async () => {
    const metrics = await (await fetch(`http://${status.podIP as string}:9187/metrics`)).text();
    expect(metrics).toMatch(/^barman_cloud_cloudnative_pg_io_last_available_backup_timestamp(?:\{.*\})? [1-9]/m);
    return true;
  });
});

it('the drill of docs/backup.md begins a Cluster beside the real one with all that was written', async () => {
  await written(await spanned('drilled'));
  await archived();
  const drill = commandsOf('backup', /^## Try it before you need it$/)
    .replaceAll('restore-drill', `${product.namespace}-drill`)
    .replace('objectstore/taskstream-db-backup;', `objectstore/taskstream-db-backup secret/${CA_SECRET};`)
    .replace('instances: 1', `instances: 1\n  imageName: ${inject('postgresImage')}`)
    .replace('size: 50Gi', 'size: 1Gi');
  expect(await succeeds(drill)).toMatch(new RegExp(`^ +${(await rowsOf(product)).size} \\|`, 'm'));
});

// The long form, three minutes: a whole restore by its runbook.
if (isLongForm) {
  it('a restore to a time has what was acknowledged until then and nothing later, and search follows', async () => {
    const backups = await completedBackups();
    await written(await spanned('before'));
    await succeeds(stepOf('backup-fails', 5));
    await oneMoreBackup(backups);

    // Somebody deletes rows, while all others go on.
    let time = '';
    const during = await written(
      await spanned('during', async () => {
        time = await nextSecond();
      }),
    );
    await query(product, `DELETE FROM tasks WHERE ${TEXT_FIELD} LIKE 'before %'`);
    const late = await written(await spanned('late'));
    expect([...(await rowsOf(product)).values()].some((task) => task[TEXT_FIELD].startsWith('before'))).toBe(false);
    await archived();

    await succeeds(stepOf('restore-postgres', 1));
    await succeeds(stepOf('restore-postgres', 2).replaceAll('2026-11-24T03:00:00Z', time));
    const events = jsonLines<{ key: string }>(readFileSync(join(folder, 'after-backup.ndjson'), 'utf8'));
    const saved = new Set(events.map(({ key }) => key));
    expect(late.filter(({ id }) => !saved.has(id))).toEqual([]);

    const { servers } = product.environment;
    const postgres = backedUp(inject('hostAddress'));
    const restored: Environment = {
      ...product.environment,
      servers: {
        ...servers,
        postgres: {
          ...postgres,
          backup: { ...postgres.backup, serverName: 'taskstream-db-2' },
          restoreFrom: { serverName: LEAST_BACKUP.serverName, time },
        },
      },
    };
    writeFileSync(join(folder, 'manifests.yaml'), toYaml(objectsOf(restored)));
    const third = await succeeds(
      stepOf('restore-postgres', 3).replace(/^# Now apply the manifests.*$/m, 'kubectl apply -f manifests.yaml >&2'),
    );
    expect(third).toContain('"recovery"');

    const rows = await rowsOf(product);
    const at = Date.parse(time);
    for (const [id, row] of rows) {
      const same = everything.find((write) => write.id === id && write.version === row.version);
      expect(same, `a row that nobody wrote: ${JSON.stringify(row)}`).toBeDefined();
      expect(same?.text).toBe(row[TEXT_FIELD]);
      expect(same?.sentAt, 'a write of later').toBeLessThanOrEqual(at);
    }
    const lost = everything.filter(
      ({ id, version, acknowledgedAt }) => acknowledgedAt < at && (rows.get(id)?.version ?? 0) < version,
    );
    expect(lost).toEqual([]);
    // Some of each: a restore to any other time would show.
    expect(during.filter(({ acknowledgedAt }) => acknowledgedAt < at).length).toBeGreaterThan(20);
    expect(during.filter(({ sentAt }) => sentAt > at).length).toBeGreaterThan(20);

    const done = await completedBackups();
    await succeeds(stepOf('backup-fails', 5));
    await oneMoreBackup(done);
    expect(await recoveryWindowOf('taskstream-db-2')).toBeDefined();

    expect(await succeeds(stepOf('restore-postgres', 4))).toContain(`${rows.size} tasks raised by`);
    await scaleApi(2);
    await product.kubectl('rollout', 'status', 'deployment/taskstream-api', '--timeout=150s');
    await succeeds('until ops outbox --max-age 10s && ops lag --max 0; do sleep 1; done');
    // What differs is no failure of the command: 2.
    await succeeds(`${stepOf('restore-postgres', 5).trimEnd()} || [ $? = 2 ]`);
    const { drift } = JSON.parse(readFileSync(join(folder, 'differences.json'), 'utf8')) as {
      drift: Record<string, number>;
    };
    const surplus = new Set(everything.map(({ id }) => id).filter((id) => !rows.has(id)));
    expect(drift).toEqual({ missing: 0, stale: 0, ahead: 0, surplus: surplus.size, content: 0 });

    const { spec } = await getJson('-n', product.namespace, 'service', 'taskstream-api');
    const sixth = stepOf('restore-postgres', 6)
      .replace(/^kubectl .* port-forward .*$/m, '')
      .replace('http://localhost:9234', `http://${spec.clusterIP as string}`);
    await succeeds(sixth);
    await succeeds('until ops outbox --max-age 10s && ops lag --max 0; do sleep 1; done');
    await succeeds(stepOf('restore-postgres', 7));
    await succeeds(stepOf('restore-postgres', 8));

    // Each text that was acknowledged last is there again, and what was deleted by hand is found.
    const texts = [...(await rowsOf(product)).values()].map((task) => task[TEXT_FIELD]);
    const last = new Map(everything.map((write) => [write.id, write]));
    for (const { id, version, text } of everything)
      if (version >= (last.get(id)?.version ?? 0)) expect(texts).toContain(text);
    const search = new ElasticsearchClient({ node: product.elasticsearchUrl });
    expect(completed(await documentsOf(search, TASK_INDEX_ALIAS))).toEqual(await rowsOf(product));
    await search.close();
  }, 900_000);
}

/** Writes go on while `act` runs, and for a while before and after. */
const spanned = async (name: string, act?: () => Promise<void>): Promise<RunningScript> => {
  const load = startWriting(name);
  const more = async () => {
    const count = async () => Number(await query(product, 'SELECT coalesce(sum(version), 0) FROM tasks'));
    const from = await count();
    await waitFor('more writes', async () => (await count()) >= from + 50, { timeoutMs: 120_000, intervalMs: 200 });
  };
  await more();
  await act?.();
  await more();
  return load;
};

/** @returns a full second, as people say a time, which has just passed by PostgreSQL's clock */
const nextSecond = (): Promise<string> =>
  query(
    product,
    `WITH next AS (SELECT date_trunc('second', clock_timestamp()) + interval '1 second' AS second)
     SELECT to_char(second AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM next
     WHERE pg_sleep_until(second) IS NOT NULL`,
  );

/** Until what was written so far is in the bucket. */
const archived = async (): Promise<void> => {
  const segment = await query(product, 'SELECT pg_walfile_name(pg_switch_wal())');
  await waitFor(
    'the log to be archived',
    async () => (await query(product, 'SELECT last_archived_wal FROM pg_stat_archiver')) >= segment,
    { timeoutMs: 120_000, intervalMs: 500 },
  );
};
