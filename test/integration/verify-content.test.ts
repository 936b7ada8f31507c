import { afterAll, beforeAll, expect, it } from 'vitest';
import { reportOfOps } from '../support/ops.ts';
import { createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import type { ServiceProcess } from '../support/process.ts';
import { TEXT_FIELD } from '../support/sample.ts';
import { initialsOf, type Fields } from '../../services/pipeline/field.ts';
import { taskFields } from '../../services/task/fields.ts';

const NONE = { missing: 0, stale: 0, ahead: 0, surplus: 0, content: 0 };

let pipeline: Pipeline;
let api: ServiceProcess;

beforeAll(async () => {
  pipeline = await createPipeline();
  [api] = await Promise.all([pipeline.startApi(), pipeline.startIndexer()]);
});
afterAll(() => pipeline.close());

const fields: Fields = taskFields;
/** Fields that an event of schema 1 lacks. */
const LATER = new Set(Object.keys(fields).filter((name) => fields[name]?.isLater === true));

/** One that a creation need not name. */
const FIELD_WITH_INITIAL = Object.keys(initialsOf(fields))[0] ?? '';

const verify = (...args: string[]) => reportOfOps(['verify', '--json', '--grace', '5', ...args], pipeline.env);

it('verify --content finds a document that says something else than the row of its version, and repairs it', async () => {
  const { client, alias } = pipeline.index;
  const read = async (id: string) => (await client.get<Record<string, unknown>>({ index: alias, id }))._source ?? {};
  /** Writes over a document without a new version. */
  const overwrite = (id: string, document: object) =>
    client.index({ index: alias, id, version: 1, version_type: 'external_gte', document, refresh: true });
  const [changed, older, bare] = [
    await createTask(api, 'as in the backup'),
    await createTask(api, 'of schema 1'),
    await createTask(api, 'to lose a field'),
  ];
  await Promise.all(Array.from({ length: 600 }, (_, i) => createTask(api, `task ${i}`)));
  await pipeline.converged();
  // After a restore versions repeat, with another content.
  const right = await read(changed.id);
  await overwrite(changed.id, { ...right, [TEXT_FIELD]: 'written after the backup' });
  // As an indexer of schema 1 wrote it: no drift.
  const known = Object.entries(await read(older.id)).filter(([name]) => !LATER.has(name));
  await overwrite(older.id, { ...Object.fromEntries(known), schemaVersion: 1 });
  // A search for the initial value finds no document that lacks it: of this schema none may.
  const { [FIELD_WITH_INITIAL]: initial, ...lacking } = await read(bare.id);
  expect(initial).toBeDefined();
  await overwrite(bare.id, lacking);

  expect(await verify()).toMatchObject({ code: 0, report: { drift: NONE, withContent: false } });
  expect(await verify('--content', 'alternate')).toMatchObject({
    code: 2,
    report: {
      drift: { ...NONE, content: 2 },
      withContent: true,
      differences: [changed, bare].map(({ id }) => ({ id, kind: 'content' })),
    },
  });
  expect(await api.metric('taskstream_verify_drift', { entity: 'task', kind: 'content' })).toBe(2);
  expect(await verify('--content', 'alternate')).toMatchObject({ code: 0, report: { withContent: false } });

  expect(await verify('--content', '--repair')).toMatchObject({
    code: 0,
    report: { drift: NONE, repaired: { ...NONE, content: 2 } },
  });
  expect(await read(changed.id)).toEqual({ ...right, version: 2 });
  expect((await pipeline.database.versions()).get(changed.id)).toBe(2);
  expect(await verify('--content')).toMatchObject({ code: 0, report: { drift: NONE } });
}, 150_000);
