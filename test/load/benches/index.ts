/** All benches, in the order they run. */
import { auth } from './auth.ts';
import type { Bench } from './bench.ts';
import { cost } from './cost.ts';
import { freshness } from './freshness.ts';
import { heldSnapshot } from './held-snapshot.ts';
import { http } from './http.ts';
import { indexer } from './indexer.ts';
import { memory } from './memory.ts';
import { ops } from './ops.ts';
import { relay } from './relay.ts';
import { scaling } from './scaling.ts';
import { stop } from './stop.ts';

export const BENCHES: readonly Bench[] = [
  http,
  cost,
  auth,
  relay,
  indexer,
  freshness,
  scaling,
  stop,
  memory,
  ops,
  heldSnapshot,
];
