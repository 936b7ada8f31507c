import type { Client } from '@elastic/elasticsearch';
import { describe, expect, it } from 'vitest';
import { nextIndexOf, numberOf, readCatalog } from '../../services/pipeline/reindex/catalog.ts';
import { decodeMeta, encodeMeta } from '../../services/pipeline/index/meta.ts';
import { Rejects, TooManyRejects } from '../../services/pipeline/reindex/fill.ts';
import { createPacer } from '../../services/platform/time.ts';
import { describeResult, listTable } from '../../services/ops/reindex/show.ts';

describe('the name of the next index', () => {
  it('is above all that exist, also those that no longer serve', () => {
    expect(nextIndexOf('tasks', [])).toBe('tasks-000001');
    expect(nextIndexOf('tasks', ['tasks-000001', 'tasks-000009', 'tasks-000010'])).toBe('tasks-000011');
    expect(nextIndexOf('tasks', ['tasks-999999'])).toBe('tasks-1000000');
  });

  it('counts no index of another alias, however its name begins', () => {
    expect(numberOf('tasks', 'tasks-000003')).toBe(3);
    for (const name of ['tasks', 'tasks-', 'tasks-000003-old', 'tasks-2-000003', 'my-tasks-000003', 'tasks-12'])
      expect(numberOf('tasks', name), name).toBeUndefined();
  });
});

describe('the catalog without the alias', () => {
  const reading = (found: object) =>
    readCatalog({ indices: { get: () => Promise.resolve(found) } } as unknown as Client, 'tasks');

  it('names the indices that could have it, and asks for a new one only when there is none', async () => {
    await expect(reading({ 'tasks-000002': {}, other: {} })).rejects.toThrow(/no alias tasks, but tasks-000002: give/);
    await expect(reading({})).rejects.toThrow('run ops migrate');
  });
});

describe('the speed limit', () => {
  it('spaces work out to the rate, however the pieces are cut', () => {
    for (const size of [1, 7, 100]) {
      let nowMs = 0;
      const pace = createPacer(100, () => nowMs);
      for (let done = 0; done < 1_000; done += size) nowMs += pace(size);
      // The last piece is begun, not yet paid for.
      expect(nowMs).toBeGreaterThanOrEqual(10_000 - size * 10);
      expect(nowMs).toBeLessThanOrEqual(10_000);
    }
  });

  it('does not make up for a pause with a burst', () => {
    let nowMs = 0;
    const pace = createPacer(100, () => nowMs);
    pace(10);
    nowMs = 60_000;
    expect(pace(10)).toBe(0);
    expect(pace(10)).toBe(100);
  });

  it('is none when none is given', () => {
    const pace = createPacer(undefined);
    expect([pace(1_000_000), pace(1_000_000)]).toEqual([0, 0]);
  });
});

describe('what an index says about itself', () => {
  it('is read as it was written, and nothing from what others wrote', () => {
    const meta = { state: 'building', source: 'topic', startedAt: '2026-01-01T00:00:00.000Z', previous: 'a' } as const;
    expect(decodeMeta(encodeMeta(meta))).toEqual(meta);
    for (const other of [undefined, {}, { taskstream: 'x' }, { taskstream: { state: 'odd' } }, { state: 'building' }])
      expect(decodeMeta(other)).toBeUndefined();
  });
});

describe('rejected documents', () => {
  it('are told once each, the newest version of a task standing for it', () => {
    const told: number[] = [];
    const rejects = new Rejects(({ version }) => told.push(version));
    rejects.add({ id: 'a', version: 2, reason: 'first' });
    rejects.add({ id: 'a', version: 1, reason: 'older' });
    rejects.add({ id: 'a', version: 3, reason: 'newer' });
    expect(told).toEqual([2, 3]);
    expect(rejects.all).toEqual([{ id: 'a', version: 3, reason: 'newer' }]);
  });

  it('end the run when there are so many that memory would grow', () => {
    const rejects = new Rejects(() => undefined);
    expect(() => {
      for (let i = 0; i < 100_000; i += 1) rejects.add({ id: String(i), version: 1, reason: '' });
    }).toThrow(TooManyRejects);
    expect(rejects.all.length).toBe(1_000);
  });

  it('are shown with their reason, and it is said that the alias stayed', () => {
    const rejects = Array.from({ length: 30 }, (_, i) => ({ id: `id-${i}`, version: 1, reason: 'no date' }));
    const text = describeResult({ outcome: 'rejected', rejects, from: 'tasks-000001', to: 'tasks-000002' }, 'tasks');
    expect(text).toContain('tasks still points to tasks-000001, as the mapping of tasks-000002 rejects 30 documents');
    expect(text).toContain('task id-0, version 1: no date');
    expect(text.split('\n').length).toBeLessThan(25);
  });
});

describe('the list of indices', () => {
  const listed = {
    index: 'tasks-000001',
    state: 'live',
    alias: 'tasks',
    isWriteBlocked: false,
    isDiskFull: false,
    documents: 1,
    bytes: 1,
    source: null,
    startedAt: null,
    switchedAt: null,
  } as const;

  it('tells a block by Elasticsearch, whose disk is full, from one that a killed reindex has left', () => {
    expect(listTable([listed])).toContain('open');
    const full = listTable([{ ...listed, isDiskFull: true }]);
    expect(full).toContain('disk full');
    expect(full).not.toContain('killed');
    expect(listTable([{ ...listed, isWriteBlocked: true }])).toContain('one was killed doing so');
  });
});
