import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collapse } from '../../services/pipeline/index/collapse.ts';
import type { IndexOperation } from '../../services/pipeline/index/operation.ts';
import { taskOf } from '../support/events.ts';

const index = (id: string, version: number): IndexOperation => ({
  kind: 'index',
  id,
  version,
  schemaVersion: 1,
  document: taskOf({ id, version }),
});
const remove = (id: string, version: number): IndexOperation => ({
  kind: 'delete',
  id,
  version,
  deletedAt: '2026-01-01T00:00:00.000Z',
});

/** Operations of few tasks with few versions, so that duplicates and reorderings are common. */
const operations = fc.array(
  fc
    .tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 1, max: 6 }), fc.boolean())
    .map(([id, version, deleted]) => (deleted ? remove(id, version) : index(id, version))),
  { maxLength: 40 },
);

describe('collapse', () => {
  it('keeps one operation a task, and it is the newest', () => {
    fc.assert(
      fc.property(operations, (inputs) => {
        const { operations: kept } = collapse(inputs);
        const newest = new Map<string, number>();
        for (const { id, version } of inputs) newest.set(id, Math.max(version, newest.get(id) ?? 0));
        expect(new Map(kept.map(({ id, version }) => [id, version]))).toEqual(newest);
        expect(kept).toHaveLength(newest.size);
      }),
    );
  });

  it('names for every input an operation of its own task that is at least as new', () => {
    fc.assert(
      fc.property(operations, (inputs) => {
        const { operations: kept, settledBy } = collapse(inputs);
        expect(settledBy).toHaveLength(inputs.length);
        inputs.forEach((input, position) => {
          const settler = kept[settledBy[position] ?? -1];
          expect(settler?.id).toBe(input.id);
          expect(settler?.version).toBeGreaterThanOrEqual(input.version);
        });
      }),
    );
  });

  it('lets a deletion win over the update before it, whatever their order', () => {
    expect(collapse([remove('a', 3), index('a', 2)]).operations).toEqual([remove('a', 3)]);
    expect(collapse([index('a', 2), remove('a', 3)]).operations).toEqual([remove('a', 3)]);
  });
});
