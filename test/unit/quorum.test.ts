import fc from 'fast-check';
import { expect, it } from 'vitest';
import { chooseSuccessor, describeQuorum, type Candidate } from '../../infra/local/cluster/quorum.ts';

const standby = (name: string, received: number): Candidate => ({ name, received: BigInt(received) });
const anyOneOfTwo = { number: 1, names: ['b', 'c'] };

it('promotes the standby that has the most', () => {
  expect(chooseSuccessor(anyOneOfTwo, [standby('b', 10), standby('c', 20)])?.name).toBe('c');
  expect(chooseSuccessor(anyOneOfTwo, [standby('b', 30), standby('c', 20)])?.name).toBe('b');
});

it('promotes nobody where the missing standby may be the one that confirmed', () => {
  expect(chooseSuccessor(anyOneOfTwo, [standby('b', 1_000)])).toBeUndefined();
  expect(chooseSuccessor<Candidate>(anyOneOfTwo, [])).toBeUndefined();
  expect(chooseSuccessor<Candidate>({ number: 1, names: ['b'] }, [])).toBeUndefined();
});

it('promotes the one that answers where every commit waited for it', () => {
  expect(chooseSuccessor({ number: 1, names: ['b'] }, [standby('b', 5)])?.name).toBe('b');
  expect(chooseSuccessor({ number: 2, names: ['b', 'c'] }, [standby('b', 5)])?.name).toBe('b');
});

it('leaves out a standby that no commit waited for, however much it has', () => {
  expect(chooseSuccessor(anyOneOfTwo, [standby('b', 10), standby('stranger', 99)])).toBeUndefined();
  expect(chooseSuccessor({ number: 1, names: ['b'] }, [standby('b', 1), standby('stranger', 9)])?.name).toBe('b');
});

it('never promotes a standby that lacks an acknowledged commit, whoever confirmed and whoever is lost', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      fc.infiniteStream(fc.nat()),
      (size, number, random) => {
        const take = (below: number): number => Number(random.next().value) % below;
        const quorum = { number: Math.min(number, size), names: names.slice(0, size) };
        const acknowledged = 100;
        const shuffled = quorum.names.map((name) => ({ name, at: take(1_000_000) })).sort((x, y) => x.at - y.at);
        // The first W confirmed; what the others have is whatever came through.
        const standbys = shuffled.map(({ name }, index) =>
          standby(name, index < quorum.number ? acknowledged + take(50) : take(200)),
        );
        const answering = standbys.filter(() => take(2) === 1);
        const chosen = chooseSuccessor(quorum, answering);
        if (chosen !== undefined) expect(chosen.received).toBeGreaterThanOrEqual(acknowledged);
      },
    ),
    { numRuns: 2_000 },
  );
});

it('says the quorum as PostgreSQL reads it', () => {
  expect(describeQuorum(anyOneOfTwo)).toBe('ANY 1 ("b", "c")');
});
