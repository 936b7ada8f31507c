/** What both stores hold of the tasks, to be compared in content and not only in versions. */
import { Client as ElasticsearchClient } from '@elastic/elasticsearch';
import { Client } from 'pg';
import { expect } from 'vitest';
import { initialsOf } from '../../services/pipeline/field.ts';
import { TASK_SCHEMA_VERSION, taskFields } from '../../services/task/fields.ts';
import type { Task } from '../../services/task/task.ts';
import { waitFor } from './wait.ts';

/** A task as this version or an earlier one has written it, without the fields that came later. */
export type TaskDocument = Partial<Task>;

/** Most that Elasticsearch returns at once. */
const MAX_DOCUMENTS = 10_000;

/** JSON of each row, by id. */
export const rowsOf = async (databaseUrl: string): Promise<Map<string, Task>> => {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client
    .query<{ json: string }>('SELECT task_json(tasks) AS json FROM tasks')
    .finally(() => client.end());
  return new Map(rows.map(({ json }) => JSON.parse(json) as Task).map((task) => [task.id, task]));
};

/** Source of each document that search finds, by id. @throws when there are more than one answer holds */
export const documentsOf = async (search: ElasticsearchClient, alias: string): Promise<Map<string, TaskDocument>> => {
  await search.indices.refresh({ index: alias });
  const { hits } = await search.search<TaskDocument>({ index: alias, size: MAX_DOCUMENTS });
  if (hits.hits.length === MAX_DOCUMENTS) throw new Error(`${alias} has ${MAX_DOCUMENTS} documents or more`);
  return new Map(hits.hits.flatMap(({ _id, _source }) => (_id && _source ? [[_id, _source] as const] : [])));
};

/** What was indexed before a migration lacks later fields, and says so by its schema version: as a reindex completes it. */
export const completed = (documents: ReadonlyMap<string, TaskDocument>): Map<string, TaskDocument> =>
  new Map(
    [...documents].map(([id, task]) => [
      id,
      { ...initialsOf(taskFields), ...task, schemaVersion: TASK_SCHEMA_VERSION },
    ]),
  );

/** Waits until search has each row as the database has it, and nothing else; two minutes at most. */
export const equalInContent = async (
  elasticsearchUrl: string,
  alias: string,
  rows: () => Promise<ReadonlyMap<string, Task>>,
): Promise<void> => {
  const search = new ElasticsearchClient({ node: elasticsearchUrl });
  await waitFor(
    'both stores to be equal in content',
    async () => {
      expect(completed(await documentsOf(search, alias))).toEqual(await rows());
      return true;
    },
    { timeoutMs: 120_000, intervalMs: 1_000 },
  ).finally(() => search.close());
};
