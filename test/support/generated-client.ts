/** What a client is generated for: an API, its document in a folder, and what a program that makes each call reports. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startTestApi, type TestApi } from './api.ts';
import { taskOf } from './events.ts';

/** The tasks that search finds: nothing else is indexed. */
const INDEXED = [
  taskOf({
    description: 'plants of the balcony',
    priority: 'high',
    tags: ['home'],
    dates: { start: null, due: '2026-02-01T09:00:00.000Z' },
  }),
  taskOf({ description: 'plants of the office', priority: 'high', tags: ['work'] }),
  taskOf({ description: 'a bill', priority: 'low', dates: { start: null, due: '2026-01-01T09:00:00.000Z' } }),
];

/** The report of a program, whatever its language: each call, as the README shows it. */
export const EXPECTED = {
  // Of the creation, the replacement, the patch, and what was read then.
  versions: [1, 2, 3, 3],
  outcomes: [
    [201, 'none'],
    [200, 'medium'],
  ],
  found: [1, 'plants of the balcony', '2026-02-01T09:00:00.000Z'],
  counted: [
    ['a bill', 'plants of the balcony'],
    [
      { value: 'high', count: 1 },
      { value: 'low', count: 1 },
    ],
  ],
  listed: [5, 'string'],
  refused: ['validation_failed', 'description'],
  deleted: 204,
  gone: [404, 'task_not_found'],
};

export interface ClientWorld {
  readonly api: TestApi;
  /** A folder within the clone, so that what is in it finds the packages; `openapi.json` is in it. */
  folder(name: string): Promise<string>;
  close(): Promise<void>;
}

export const createClientWorld = async (): Promise<ClientWorld> => {
  const api = await startTestApi();
  const dist = join(import.meta.dirname, '../../dist');
  await mkdir(dist, { recursive: true });
  const root = await mkdtemp(join(dist, 'generated-client-'));
  for (let n = 0; n < 6; n += 1) await api.request('POST', '/tasks', { description: `one of ${n}` });
  await api.index.client.bulk({
    index: api.index.alias,
    refresh: true,
    operations: INDEXED.flatMap((task) => [{ index: { _id: task.id } }, task]),
  });
  return {
    api,
    folder: async (name) => {
      const folder = join(root, name);
      await mkdir(folder);
      await writeFile(join(folder, 'openapi.json'), (await api.request('GET', '/openapi.json')).text);
      return folder;
    },
    close: async () => {
      await api.close();
      await rm(root, { recursive: true });
    },
  };
};
