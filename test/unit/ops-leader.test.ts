import { describe, expect, it } from 'vitest';
import { askLeader } from '../../services/platform/kafka/ask.ts';

const failing = (code: number, times: number) => {
  let asked = 0;
  return () => {
    asked += 1;
    return asked > times ? Promise.resolve(asked) : Promise.reject(Object.assign(new Error('refused'), { code }));
  };
};

describe('asking the leader of a partition', () => {
  it.each([
    ['a new partition has none, as right after growth', 6],
    ['the client knows no such partition, as when a broker has just come back', -190],
  ])('is repeated while %s', async (_, code) => {
    expect(await askLeader(failing(code, 2))).toBe(3);
  });

  it('fails at once where waiting does not help', async () => {
    const ask = failing(29, 1);
    await expect(askLeader(ask)).rejects.toThrow('refused');
    expect(await ask()).toBe(2);
  });
});
