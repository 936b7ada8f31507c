import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inPages } from '../../services/pipeline/pages.ts';
import type { IdentifiedState, State } from '../../services/pipeline/rows.ts';
import { kindOf, mergeJoin } from '../../services/pipeline/verify/difference.ts';

/** Node 20 has no Array.fromAsync. */
const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};
const live = (version: number): State => ({ version, deletedAt: null });
const deleted = (version: number): State => ({ version, deletedAt: '2026-01-01T00:00:00.000Z' });
const stream = async function* (entries: ReadonlyMap<string, number>): AsyncGenerator<IdentifiedState> {
  for (const id of [...entries.keys()].sort()) yield { id, ...live(entries.get(id) ?? 0) };
};
const joined = async (rows: ReadonlyMap<string, number>, documents: ReadonlyMap<string, number>) =>
  (await collect(mergeJoin(stream(rows), stream(documents)))).map(({ id, row, document }) => ({
    id,
    row: row?.version,
    document: document?.version,
  }));

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
    const counting = async function* (count: number): AsyncGenerator<IdentifiedState> {
      for (let i = 0; i < count; i += 1) {
        held += 1;
        yield { id: String(i).padStart(6, '0'), ...live(1) };
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
    const broken = async function* (): AsyncGenerator<IdentifiedState> {
      yield { id: 'a', ...live(1) };
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
        const stateOf = (version_: number | undefined) => (version_ === undefined ? undefined : live(version_));
        expect(kindOf({ id: 'a', row: stateOf(row), document: stateOf(document) })).toBe(expected);
      }),
    );
  });

  it.each([
    ['is none where the deletion has its marker', deleted(3), deleted(3), undefined],
    ['is none where the marker is newer, as it was published by a repair', deleted(3), deleted(4), undefined],
    ['is none where only a marker is left, which waits for its purge', undefined, deleted(3), undefined],
    ['is missing where the deletion has no marker', deleted(3), undefined, 'missing'],
    ['is stale where the marker is older', deleted(3), deleted(2), 'stale'],
    ['is surplus where the document is there still', deleted(3), live(2), 'surplus'],
    ['is surplus where the document is as new as the deletion', deleted(3), live(3), 'surplus'],
    ['is ahead where a row came back and its marker hides it', live(2), deleted(3), 'ahead'],
    ['is ahead where the marker has the version of the row', live(3), deleted(3), 'ahead'],
    ['is stale where a row came back above its marker', live(4), deleted(3), 'stale'],
  ])('of a deletion %s', (_, row, document, kind) => {
    expect(kindOf({ id: 'a', row, document })).toBe(kind);
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
