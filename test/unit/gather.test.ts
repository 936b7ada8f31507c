import { describe, expect, it } from 'vitest';
import { Gatherer, type GatherOptions } from '../../services/pipeline/write/gather.ts';
import { waitFor } from '../support/wait.ts';

interface Command {
  readonly key?: string;
  readonly value: number;
}

/** A gatherer whose statements wait to be released one by one. */
const gathererOf = (options: Partial<GatherOptions<Command, number>> = {}) => {
  const statements: { commands: readonly Command[]; release: () => void }[] = [];
  const gatherer = new Gatherer<Command, number>({
    run: async (commands) => {
      await new Promise<void>((release) => statements.push({ commands, release }));
      if (commands.some(({ value }) => value < 0)) throw new Error('refused');
      return commands.map(({ value }) => value * 2);
    },
    didNothing: () => true,
    keyOf: ({ key }) => key,
    maxInFlight: 1,
    maxBatch: 10,
    maxQueue: 100,
    ...options,
  });
  const valuesOf = (index: number) => statements[index]?.commands.map(({ value }) => value);
  const releaseAll = async (results: Promise<unknown>) => {
    let settled = false;
    const isSettled = () => settled;
    void results.finally(() => {
      settled = true;
    });
    let next = 0;
    while (!isSettled()) {
      await waitFor('a statement', () => isSettled() || statements.length > next, { intervalMs: 1 });
      for (const { release } of statements.slice(next)) release();
      next = statements.length;
    }
  };
  return { gatherer, statements, valuesOf, releaseAll };
};

describe('the gatherer', () => {
  it('runs a lone command at once, and gathers what comes meanwhile', async () => {
    const { gatherer, statements, valuesOf, releaseAll } = gathererOf();
    const results = Promise.all([1, 2, 3, 4].map((value) => gatherer.submit({ value })));
    expect(statements).toHaveLength(1);
    await releaseAll(results);
    expect(await results).toEqual([2, 4, 6, 8]);
    expect([valuesOf(0), valuesOf(1)]).toEqual([[1], [2, 3, 4]]);
  });

  it('lets a bad command fail alone', async () => {
    const { gatherer, releaseAll } = gathererOf();
    const results = Promise.allSettled([1, 2, -3, 4].map((value) => gatherer.submit({ value })));
    await releaseAll(results);
    expect((await results).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  });

  it('does not try again when nobody knows what was done', async () => {
    const { gatherer, statements, releaseAll } = gathererOf({ didNothing: () => false });
    const results = Promise.allSettled([1, 2, -3].map((value) => gatherer.submit({ value })));
    await releaseAll(results);
    expect((await results).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(statements).toHaveLength(2);
  });

  it('never has two commands of one key in a statement or side by side, and keeps their order', async () => {
    const { gatherer, statements, valuesOf, releaseAll } = gathererOf({ maxInFlight: 3 });
    const commands = [1, 2, 3].map((value) => ({ key: 'a', value }));
    const results = Promise.all([...commands, { key: 'b', value: 9 }].map((command) => gatherer.submit(command)));
    expect(statements.map(({ commands: list }) => list.length)).toEqual([1, 1]);
    expect([valuesOf(0), valuesOf(1)]).toEqual([[1], [9]]);
    await releaseAll(results);
    expect(statements.map(({ commands: list }) => list.map(({ value }) => value))).toEqual([[1], [9], [2], [3]]);
  });

  it('keeps to its bounds: statements in flight, commands in one, commands waiting', async () => {
    const { gatherer, statements, releaseAll } = gathererOf({ maxInFlight: 2, maxBatch: 3, maxQueue: 6 });
    const accepted = Array.from({ length: 8 }, (_, value) => gatherer.submit({ value }));
    await expect(gatherer.submit({ value: 8 })).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(statements).toHaveLength(2);
    const results = Promise.all(accepted);
    await releaseAll(results);
    expect(Math.max(...statements.map(({ commands }) => commands.length))).toBe(3);
  });
});
