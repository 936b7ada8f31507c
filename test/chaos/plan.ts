/** What happens in a run, chosen by its seed. */
import { FAULTS, type Fault } from './faults/index.ts';
import { NODE_FAULTS, NODE_ROUNDS } from './faults/nodes.ts';
import type { Random } from './random.ts';

/** Faults that happen at the same time. */
export type Step = readonly Fault[];

const COMBINED = FAULTS.filter(({ isAlone }) => isAlone !== true);

/**
 * One to three faults, one after the other or at the same time.
 * @param turn number of the run: each fault is the first of a run in turn, so that a short round has seen all
 */
export const planOf = (turn: number, random: Random): readonly Step[] => {
  const first = FAULTS[turn % FAULTS.length] ?? random.pick(FAULTS);
  const steps: Fault[][] = [[first]];
  if (first.isAlone === true) return steps;
  if (random.chance(40)) {
    const beside = COMBINED.filter(({ touches }) => !touches.some((part) => first.touches.includes(part)));
    if (beside.length > 0) steps[0]?.push(random.pick(beside));
  }
  // An outage with 100,000 rows is long enough by itself.
  if (random.chance(40)) steps.push([random.pick(COMBINED.filter(({ name }) => name !== 'fill-outbox'))]);
  return steps;
};

/** Of the faults that can be had here. */
const nodeRounds = (canBreakDisks: boolean): readonly Step[] =>
  NODE_ROUNDS.map((round) => round.filter(({ breaksDisk }) => canBreakDisks || breaksDisk !== true));

/** On a cluster: one node of each kind, one after the other. Each round comes in its turn, and that of one with nothing is the next one's. */
export const nodePlanOf = (turn: number, canBreakDisks = true): readonly Step[] => {
  const rounds = nodeRounds(canBreakDisks);
  const inTurn = [...rounds.slice(turn % rounds.length), ...rounds];
  return (inTurn.find(({ length }) => length > 0) ?? []).map((fault) => [fault]);
};

/** How many runs it takes to see each fault once. */
export const roundOf = (isOnCluster: boolean): number => (isOnCluster ? NODE_ROUNDS : FAULTS).length;

/** For people. */
export const describePlan = (plan: readonly Step[]): string =>
  plan.map((step) => step.map(({ name }) => name).join(' & ')).join(', then ');

export const namesOf = (plan: readonly Step[]): string[][] => plan.map((step) => step.map(({ name }) => name));

/** @throws for a name that no fault has */
export const planByNames = (names: readonly (readonly string[])[]): Step[] =>
  names.map((step) =>
    step.map((wanted) => {
      const found = [...FAULTS, ...NODE_FAULTS].find(({ name }) => name === wanted);
      if (found === undefined) throw new Error(`there is no fault "${wanted}"`);
      return found;
    }),
  );
