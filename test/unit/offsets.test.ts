import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { progressOf } from '../../services/pipeline/consume/offsets.ts';
import { messageOf } from '../support/events.ts';

describe('progressOf', () => {
  it('commits the next offset to read when everything is settled', () => {
    const messages = [messageOf({ offset: 4 }), messageOf({ offset: 9 }), messageOf({ partition: 1, offset: 2 })];
    expect(progressOf(messages, [true, true, true])).toEqual({
      commit: [
        { topic: 'tasks', partition: 0, offset: 10 },
        { topic: 'tasks', partition: 1, offset: 3 },
      ],
      unfinished: [],
    });
  });

  it('never commits past an event whose outcome is not final, and hands it and all after it back', () => {
    const entries = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.boolean()), { maxLength: 50 });
    fc.assert(
      fc.property(entries, (drawn) => {
        const messages = drawn.map(([partition], offset) => messageOf({ partition, offset }));
        const settled = drawn.map(([, final]) => final);
        const { commit, unfinished } = progressOf(messages, settled);
        for (const { partition, offset } of commit) {
          const below = messages.filter((message) => message.partition === partition && message.offset < offset);
          expect(below.every((message) => settled[message.offset])).toBe(true);
        }
        const committed = new Map(commit.map(({ partition, offset }) => [partition, offset]));
        const handedBack = messages.filter(({ partition, offset }) => offset >= (committed.get(partition) ?? 0));
        expect(unfinished).toEqual(handedBack);
      }),
    );
  });
});
