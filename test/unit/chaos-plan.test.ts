import { expect, it } from 'vitest';
import { FAULT_NAMES } from '../chaos/options.ts';
import { FAULTS } from '../chaos/faults/index.ts';
import { NODE_FAULTS, NODE_ROUNDS } from '../chaos/faults/nodes.ts';
import { describePlan, namesOf, nodePlanOf, planByNames, planOf } from '../chaos/plan.ts';
import { randomOf } from '../chaos/random.ts';
import { describeSettings, settingsOf } from '../chaos/settings.ts';

const planned = (turn: number, seed: number) => planOf(turn, randomOf(seed));

it('repeats a plan by its seed and turn', () => {
  for (let seed = 0; seed < 50; seed += 1) expect(planned(seed, seed)).toEqual(planned(seed, seed));
  expect(new Set(Array.from({ length: 50 }, (_, seed) => describePlan(planned(0, seed)))).size).toBeGreaterThan(5);
});

it('begins with each fault once in as many runs as there are faults', () => {
  const firsts = FAULTS.map((_, turn) => planned(turn, turn)[0]?.[0]);
  expect(new Set(firsts)).toEqual(new Set(FAULTS));
});

it('has both numbers of lanes with both protocols in six runs in sequence, and each fault with both protocols in three rounds', () => {
  for (const seed of [0, 863_399_067]) {
    const settings = Array.from({ length: 6 }, (_, index) => describeSettings(settingsOf(seed + index)));
    expect(new Set(settings).size).toBe(4);
    for (const round of [FAULTS.length, NODE_ROUNDS.length]) {
      const protocols = [0, 1, 2].map((turn) => settingsOf(seed + turn * round).GROUP_PROTOCOL);
      expect(new Set(protocols)).toEqual(new Set(['classic', 'consumer']));
    }
  }
});

it('has the faults that the help names', () => {
  expect(FAULT_NAMES.toSorted()).toEqual(FAULTS.map(({ name }) => name).sort());
});

it('injects at the same time only what lays hands on different parts', () => {
  for (let seed = 0; seed < 500; seed += 1) {
    for (const step of planned(seed, seed)) {
      const touched = step.flatMap(({ touches }) => touches);
      expect(new Set(touched).size).toBe(touched.length);
    }
  }
});

it('takes each fault of a node once in as many runs as there are rounds, and no second node of a kind in a run', () => {
  const plans = NODE_ROUNDS.map((_, turn) => nodePlanOf(turn));
  expect(new Set(plans.flat(2))).toEqual(new Set(NODE_FAULTS));
  for (const plan of plans) {
    const touched = plan.flat().flatMap(({ touches }) => touches);
    expect(new Set(touched).size).toBe(touched.length);
  }
});

it('leaves out the faults of disks, and no run empty, where no disk can be broken; all others keep their turn', () => {
  const plans = NODE_ROUNDS.map((_, turn) => nodePlanOf(turn, false));
  expect(new Set(plans.flat(2))).toEqual(new Set(NODE_FAULTS.filter(({ name }) => !name.includes('disk'))));
  expect(plans.every(({ length }) => length > 0)).toBe(true);
  expect(plans.at(-1)).toEqual(nodePlanOf(NODE_ROUNDS.length - 1));
});

it('travels to another process by names, and names what it does not know', () => {
  const plan = planned(3, 7);
  expect(planByNames(namesOf(plan))).toEqual(plan);
  expect(planByNames(namesOf(nodePlanOf(0)))).toEqual(nodePlanOf(0));
  expect(() => planByNames([['earthquake']])).toThrow('there is no fault "earthquake"');
});
