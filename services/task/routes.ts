/** The HTTP routes of a task. */
import type { Route } from '../platform/http/route.ts';
import type { FieldValues } from '../pipeline/field.ts';
import { requestHash } from '../pipeline/rest/create.ts';
import type { ResourceOptions } from '../pipeline/rest/resource.ts';
import { entityRoutes } from '../pipeline/rest/routes.ts';
import { taskEntity } from './entity.ts';
import { taskFields } from './fields.ts';

const task = {
  id: '019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b',
  description: 'water the plants',
  priority: 'none',
  dates: { start: null, due: '2026-03-01T09:00:00.000Z' },
  isDone: false,
  version: 1,
  schemaVersion: taskEntity.schemaVersion,
  createdAt: '2026-02-01T08:00:00.000Z',
  updatedAt: '2026-02-01T08:00:00.000Z',
};

export const taskRoutes = (options: Pick<ResourceOptions, 'store' | 'search'>): readonly Route[] =>
  entityRoutes({
    ...options,
    entity: taskEntity,
    fields: taskFields,
    examples: {
      shown: task,
      create: { description: 'water the plants', priority: 'low' },
      update: { description: 'water the plants', priority: 'high', dates: { start: null, due: null }, isDone: true },
      patch: { dates: { due: null }, isDone: true },
      search: { description: 'plants', isDone: false, from: 0, size: 10 },
    },
    earlierHashes,
  });

/**
 * How versions before 0.2.0 hashed a creation: with its defaults. Their keys are accepted until they expire
 * (IDEMPOTENCY_KEY_TTL_HOURS, 30 days): this can go in a release that is later than that.
 */
const earlierHashes = (body: FieldValues): readonly string[] => {
  // They knew neither, and refused what has them.
  if (body['tags'] !== undefined || body['owner'] !== undefined) return [];
  const { start_at: start, due_at: due } = taskFields.dates.toColumns(body['dates'] as never);
  return [requestHash({ description: body['description'], priority: body['priority'] ?? 'none', start, due })];
};
