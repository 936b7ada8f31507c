import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inPages } from '../../services/pipeline/pages.ts';
import type { RowVersion } from '../../services/pipeline/rows.ts';
import { kindOf, mergeJoin, type Pair } from '../../services/pipeline/verify/difference.ts';

/** Node 20 has no Array.fromAsync. */
const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};
const stream = async function* (entries: ReadonlyMap<string, number>): AsyncGenerator<RowVersion> {
  for (const id of [...entries.keys()].sort()) yield { id, version: entries.get(id) ?? 0 };
};
const joined = async (rows: ReadonlyMap<string, number>, documents: ReadonlyMap<string, number>): Promise<Pair[]> =>
  collect(mergeJoin(stream(rows), stream(documents)));

/** Few ids and versions, so that all relations between the two sides occur. */
const side = fc
  .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'), fc.integer({ min: 1, max: 3 })), {
    selector: ([id]) => id,
  })
  .map((entries) => new Map(entries));

describe('the merge join', () => {
  it('gives every id of either side once, in order, with both versions', async () => {
    await fc.assert(
      fc.asyncProperty(side, side, async (rows, documents) => {
        const ids = [...new Set([...rows.keys(), ...documents.keys()])].sort();
        expect(await joined(rows, documents)).toEqual(
          ids.map((id) => ({ id, row: rows.get(id), document: documents.get(id) })),
        );
      }),
    );
  });

  it('holds one entry of each side', async () => {
    let held = 0;
    const counting = async function* (count: number): AsyncGenerator<RowVersion> {
      for (let i = 0; i < count; i += 1) {
        held += 1;
        yield { id: String(i).padStart(6, '0'), version: 1 };
      }
    };
    let taken = 0;
    for await (const { row, document } of mergeJoin(counting(2_000), counting(1_000))) {
      taken += (row === undefined ? 0 : 1) + (document === undefined ? 0 : 1);
      expect(held - taken).toBeLessThanOrEqual(2);
    }
    expect(taken).toBe(3_000);
  });

  it('passes a fault of either side on', async () => {
    const broken = async function* (): AsyncGenerator<RowVersion> {
      yield { id: 'a', version: 1 };
      throw new Error('the connection is cut');
    };
    await expect(collect(mergeJoin(broken(), stream(new Map())))).rejects.toThrow('cut');
    await expect(collect(mergeJoin(stream(new Map()), broken()))).rejects.toThrow('cut');
  });
});

describe('a difference', () => {
  it('has one kind, and equal versions are none', () => {
    const version = fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined });
    fc.assert(
      fc.property(version, version, (row, document) => {
        const expected =
          row === document
            ? undefined
            : row === undefined
              ? 'surplus'
              : document === undefined
                ? 'missing'
                : document > row
                  ? 'ahead'
                  : 'stale';
        expect(kindOf({ id: 'a', row, document })).toBe(expected);
      }),
    );
  });
});

describe('pages', () => {
  it('hold all items in order, whatever their size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer()), fc.integer({ min: 1, max: 7 }), async (items, size) => {
        const read = await collect(
          inPages(0, (from) =>
            Promise.resolve({
              items: items.slice(from, from + size),
              next: from + size < items.length ? from + size : undefined,
            }),
          ),
        );
        expect(read.flat()).toEqual(items);
      }),
    );
  });
});
