import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Difference, VerifyResult } from '../../services/pipeline/verify/verify.ts';
import { taskOf } from '../support/events.ts';
import { reportOfOps, runOps } from '../support/ops.ts';
import { call, createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import { stopProcess, type ServiceProcess } from '../support/process.ts';
import {
  deleteDocuments,
  deleteRows,
  fillStores,
  indexDocuments,
  insertRows,
  setRowVersions,
} from '../support/stores.ts';
import { updateOf } from '../support/sample.ts';
import { insertTasks } from '../support/task.ts';

const DOCUMENTS = 100_000;
const TIMEOUT_MS = 240_000;

let pipeline: Pipeline;
let api: ServiceProcess;
let indexer: ServiceProcess;
/** Tasks that both stores have, in order. */
let ids: string[];
/** What a run takes that finds nothing there. */
let idleBytes: number;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'taskstream-verify-'));
  pipeline = await createPipeline();
  [api, indexer] = await Promise.all([pipeline.startApi(), pipeline.startIndexer()]);
  ({ peakBytes: idleBytes } = await verify([]));
  ids = await fillStores(pipeline.database, pipeline.index, DOCUMENTS);
}, TIMEOUT_MS);
afterAll(async () => {
  await pipeline.close();
  rmSync(folder, { recursive: true });
});

interface Report extends VerifyResult {
  readonly differences: Difference[];
}

const verify = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const { report, ...rest } = await reportOfOps(['verify', '--json', ...args], { ...pipeline.env, ...env });
  return { ...rest, report: report as Report };
};

const NONE = { missing: 0, stale: 0, ahead: 0, surplus: 0, content: 0 };

/** Rows and documents, each id with its version. */
const bothStores = async () => [await pipeline.database.versions(), await pipeline.index.versions()] as const;

describe('verify', () => {
  it(
    'finds planted drift of each kind among 100,000 documents exactly, mends it, and then finds none, in bounded memory',
    async () => {
      const { database, index } = pipeline;
      const some = (offset: number, count: number) =>
        Array.from({ length: count }, (_, i) => ids[offset + i * 1_000] ?? '');
      const neverIndexed = Array.from({ length: 5 }, () => uuidv7());
      const stranger = 'not-a-task';
      const misplaced = uuidv7();
      const planted = {
        // Elasticsearch remembers the versions of the second half, as of everything that was deleted.
        missing: [...neverIndexed, ...some(1, 4)],
        stale: some(2, 11),
        ahead: some(3, 7),
        surplus: [...some(4, 6), uuidv7(), stranger, misplaced],
      };
      await insertRows(database, neverIndexed, 2);
      await deleteDocuments(index, planted.missing.slice(5));
      await setRowVersions(database, planted.stale, 5);
      await setRowVersions(database, planted.ahead, 1);
      await deleteRows(database, planted.surplus.slice(0, 6));
      await indexDocuments(index, planted.surplus.slice(6, 8), 9);
      await index.client.index({ index: index.alias, id: misplaced, document: taskOf() });

      const details = join(folder, 'details.ndjson');
      const found = await verify(['--grace', '5', '--details', details]);
      const differences = readFileSync(details, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Difference);
      for (const [kind, expected] of Object.entries(planted)) {
        const reported = differences.filter((difference) => difference.kind === kind).map(({ id }) => id);
        expect(reported.sort(), kind).toEqual([...expected].sort());
      }
      expect(found).toMatchObject({
        code: 2,
        report: { drift: { missing: 9, stale: 11, ahead: 7, surplus: 9, content: 0 }, repaired: NONE, undecided: 0 },
      });
      expect(differences.find(({ id }) => id === planted.stale[0])).toMatchObject({ row: 5, document: 3 });

      const repaired = await verify(['--repair']);
      expect(repaired).toMatchObject({
        code: 0,
        report: { drift: NONE, repaired: { missing: 9, stale: 11, ahead: 7, surplus: 9, content: 0 }, undecided: 0 },
      });
      const again = await verify([]);
      expect(again).toMatchObject({ code: 0, report: { drift: NONE, repaired: NONE, undecided: 0, differences: [] } });
      const [rows, documents] = await bothStores();
      expect(documents).toEqual(rows);
      expect(again.report).toMatchObject({ rows: rows.size, documents: rows.size });

      // Beyond what libraries and the TypeScript loader take, which is most of it, there are the heads of two streams.
      expect(idleBytes).toBeGreaterThan(0);
      for (const { peakBytes } of [found, repaired, again]) {
        expect((peakBytes - idleBytes) / 1_048_576).toBeLessThan(128);
      }
    },
    TIMEOUT_MS,
  );

  it(
    'reports none while clients write',
    async () => {
      let writing = true;
      let written = 0;
      const writer = async (): Promise<void> => {
        while (writing) {
          const { id } = await createTask(api, 'written while verify reads');
          const change = updateOf('changed while verify reads');
          await call(api, 'PUT', `/tasks/${id}`, change);
          if (written % 3 === 0) await call(api, 'DELETE', `/tasks/${id}`);
          // An old task in the middle of the order, again and again.
          await call(api, 'PUT', `/tasks/${ids[5_000 + (written % 50)] ?? ''}`, change);
          written += 1;
        }
      };
      const writers = Array.from({ length: 8 }, writer);
      try {
        // Until enough was written meanwhile, however slow the machine is.
        for (let round = 0; round < 3 || written < 300; round += 1) {
          const { code, report } = await verify(['--grace', '60']);
          expect(report).toMatchObject({ drift: NONE, undecided: 0 });
          expect(code).toBe(0);
        }
      } finally {
        writing = false;
        await Promise.all(writers);
      }
    },
    TIMEOUT_MS,
  );

  it(
    'does not decide about events that wait for an indexer or for the relay',
    async () => {
      await pipeline.converged();
      await stopProcess(indexer);
      const tasks = await Promise.all(Array.from({ length: 5 }, (_, i) => createTask(api, `waiting ${i}`)));
      await call(api, 'DELETE', `/tasks/${ids[7_000] ?? ''}`);
      const waiting = await verify(['--grace', '2']);
      expect(waiting).toMatchObject({ code: 3, report: { drift: NONE, undecided: 6 } });
      expect(waiting.report.differences.map(({ kind }) => kind).sort()).toEqual([
        ...tasks.map(() => 'missing'),
        'surplus',
      ]);

      indexer = await pipeline.startIndexer();
      const caughtUp = await verify(['--grace', '120']);
      expect(caughtUp).toMatchObject({ code: 0, report: { drift: NONE, undecided: 0 } });

      // The relay is gone with the API; what it left is in the outbox, which is enough to know without Kafka.
      await stopProcess(api);
      const left = taskOf();
      await insertTasks(pipeline.database.pool, [left]);
      await pipeline.database.pool.query(
        `INSERT INTO outbox (type, task_id, version, task)
         SELECT 'tasks.event.created', id, version, task_json(tasks) FROM tasks WHERE id = $1`,
        [left.id],
      );
      const unpublished = await verify(['--grace', '2'], { KAFKA_BROKERS: '' });
      expect(unpublished).toMatchObject({ code: 3, report: { drift: NONE, undecided: 1 } });
      api = await pipeline.startApi();
      await pipeline.converged();
    },
    TIMEOUT_MS,
  );

  it(
    'tells by time alone where there is no Kafka to ask, and keeps its runs for the metrics of the API',
    async () => {
      const planted = ids.slice(9_000, 9_003);
      await setRowVersions(pipeline.database, planted, 8);
      const found = await verify(['--grace', '1'], { KAFKA_BROKERS: '' });
      expect(found).toMatchObject({ code: 2, report: { drift: { ...NONE, stale: 3 } } });
      const metric = (name: string, labels = {}) => api.metric(`taskstream_verify_${name}`, labels);
      expect(await metric('drift', { kind: 'stale' })).toBe(3);
      expect(await metric('drift')).toBe(3);
      expect(await metric('documents')).toBe(found.report.documents);
      expect(await metric('duration_seconds')).toBe(found.report.durationMs / 1_000);
      const endedAt = (Date.parse(String(found.report.startedAt)) + found.report.durationMs) / 1_000;
      expect(await metric('last_run_timestamp_seconds')).toBeCloseTo(endedAt, 2);

      await pipeline.database.pool.query(
        `INSERT INTO verify_runs (started_at, duration_ms, tasks, documents, missing, stale, ahead, surplus, mended, undecided)
         SELECT now(), 1, 1, 1, 0, 0, 0, 0, 0, 0 FROM generate_series(1, 150)`,
      );
      expect(await verify(['--repair', '--grace', '1'], { KAFKA_BROKERS: '' })).toMatchObject({ code: 0 });
      expect(await metric('drift')).toBe(0);
      expect(await metric('repaired')).toBe(3);
      const { rows } = await pipeline.database.pool.query<{ runs: string }>('SELECT count(*) AS runs FROM verify_runs');
      expect(Number(rows[0]?.runs)).toBe(100);
    },
    TIMEOUT_MS,
  );

  it(
    'says what it cannot repair, and why',
    async () => {
      const id = uuidv7();
      await indexDocuments(pipeline.index, [id], '9007199254740993');
      const run = await verify(['--repair', '--grace', '2']);
      expect(run).toMatchObject({ code: 2, report: { drift: { ...NONE, surplus: 1 }, repaired: NONE } });
      expect(run.report.differences).toMatchObject([
        { id, outcome: 'drift', reason: expect.stringMatching(/2\^53.*reindex/) as string },
      ]);
      await deleteDocuments(pipeline.index, [id]);
    },
    TIMEOUT_MS,
  );

  it(
    'ends with 1 and says what is missing when it cannot run',
    async () => {
      const fault = async (env: Readonly<Record<string, string>>): Promise<string> => {
        const { code, stderr } = await runOps(['verify', '--grace', '1'], { ...pipeline.env, ...env });
        expect(code, stderr).toBe(1);
        return stderr;
      };
      expect(await fault({ DATABASE_URL: '' })).toContain('DATABASE_URL: is required');
      expect(await fault({ TASK_INDEX: 'tasks-nowhere' })).toContain('no such index');
      expect(await fault({ KAFKA_BROKERS: '127.0.0.1:1' })).toContain('Kafka does not answer at 127.0.0.1:1');
    },
    TIMEOUT_MS,
  );
});
