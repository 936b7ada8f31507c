import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Pair } from '../../services/pipeline/verify/difference.ts';
import type { State } from '../../services/pipeline/rows.ts';
import { settle, type Settled } from '../../services/pipeline/verify/settle.ts';

type Versions = readonly [row: number | undefined, document: number | undefined];

const live = (version: number | undefined): State | undefined =>
  version === undefined ? undefined : { version, deletedAt: null };

/** Settles one task whose stores show one state after the other, the last for ever. */
const settled = async (
  states: readonly Versions[],
  { outlivedAtLook = 1, graceMs = 50 }: { outlivedAtLook?: number; graceMs?: number } = {},
): Promise<Settled & { readonly looks: number }> => {
  let looks = 0;
  const result = await settle(['a'], {
    graceMs,
    readPairs: (ids) => {
      const [row, document] = states[Math.min(looks, states.length - 1)] ?? [];
      looks += 1;
      return Promise.resolve(ids.map((id): Pair => ({ id, row: live(row), document: live(document) })));
    },
    delay: { begin: () => Promise.resolve(() => Promise.resolve(looks >= outlivedAtLook)) },
  });
  return { ...result, looks };
};

describe('a candidate', () => {
  it('is nothing when it is equal by the second look, and nobody waits for it', async () => {
    expect(await settled([[2, 2]])).toEqual({ drift: [], undecided: [], looks: 1 });
  });

  it.each([
    ['missing', 2, undefined],
    ['stale', 2, 1],
    ['ahead', 2, 3],
    ['surplus', undefined, 3],
  ] as const)('is drift when it is %s, and the pipeline had nothing for it', async (_kind, row, document) => {
    expect(await settled([[row, document]])).toMatchObject({
      drift: [{ id: 'a', row: live(row), document: live(document) }],
      undecided: [],
    });
  });

  it('is nothing when its document comes while the pipeline is behind', async () => {
    const late = { outlivedAtLook: 99, graceMs: 10_000 };
    expect(
      await settled(
        [
          [2, 1],
          [2, 1],
          [2, 2],
        ],
        late,
      ),
    ).toEqual({ drift: [], undecided: [], looks: 3 });
  });

  it('is undecided when the pipeline stays behind', async () => {
    const never = { outlivedAtLook: Infinity };
    expect(await settled([[2, 1]], never)).toMatchObject({
      drift: [],
      undecided: [{ row: live(2), document: live(1) }],
    });
  });

  it('is drift when a look lasts beyond the grace, and the pipeline is found empty after it', async () => {
    let looks = 0;
    const result = await settle(['a'], {
      graceMs: 10,
      readPairs: async () => {
        looks += 1;
        // The first one finds the candidate.
        if (looks === 2) await sleep(400);
        return [{ id: 'a', row: live(2), document: live(1) }];
      },
      delay: { begin: () => Promise.resolve(() => Promise.resolve(looks >= 2)) },
    });
    expect(result).toMatchObject({ drift: [{ row: live(2), document: live(1) }], undecided: [] });
  });

  it('is nothing when the version seen first arrived, and the row moved on: its events do come', async () => {
    expect(
      await settled([
        [2, 1],
        [5, 4],
      ]),
    ).toMatchObject({ drift: [], undecided: [] });
    expect(
      await settled([
        [2, 1],
        [undefined, 2],
      ]),
    ).toMatchObject({ drift: [], undecided: [] });
  });

  it('is looked at anew when its row moved and nothing came, and is drift when it then stands still', async () => {
    const slow = { graceMs: 10_000 };
    expect(
      await settled(
        [
          [2, 1],
          [3, 1],
          [3, 1],
        ],
        slow,
      ),
    ).toMatchObject({
      drift: [{ row: live(3), document: live(1) }],
      undecided: [],
    });
    expect(
      await settled(
        [
          [2, 1],
          [3, 1],
          [3, 3],
        ],
        slow,
      ),
    ).toMatchObject({ drift: [], undecided: [] });
  });

  it('that moves beyond its row is not excused by moving', async () => {
    expect(
      await settled(
        [
          [2, 1],
          [3, 9],
          [3, 9],
        ],
        { graceMs: 10_000 },
      ),
    ).toMatchObject({
      drift: [{ row: live(3), document: live(9) }],
    });
  });
});
