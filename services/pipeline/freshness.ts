/**
 * How soon a change is to be found, and so how long relay and indexer may wait for more changes to go with it
 * (docs/adr/0023-freshness-target.md). Who has waited as long as that already does not wait again: a change that comes alone
 * travels at once.
 */
import { integer, text, type EnvSpec } from '../platform/env.ts';

export const freshnessEnv = {
  FRESHNESS_TARGET_MS: {
    schema: integer(1_000, { min: 20, max: 10_000 }),
    defaultText: '1000',
    description:
      'How long a change may take, under load, until it is found, in milliseconds: the longer, the less work for all. A change that comes alone is found at once.',
  },
} as const satisfies EnvSpec;

/** How long the index hides what nobody refreshes it for. */
export const indexRefreshEnv = {
  INDEX_REFRESH_INTERVAL: {
    schema: text()
      .regex(/^\d+(ms|s)$/, { error: 'must be a time such as 500ms or 1s' })
      .default('1s'),
    defaultText: '1s',
    description: 'Time until an indexed change shows in search.',
  },
} as const satisfies EnvSpec;

/** @returns an `INDEX_REFRESH_INTERVAL` in milliseconds */
export const indexRefreshMs = (interval: string): number =>
  Number.parseInt(interval, 10) * (interval.endsWith('ms') ? 1 : 1_000);

/** The largest part goes to the indexer's wait: there a larger batch saves most. */
const RELAY_SHARE = 0.05;
/** What writing a batch and refreshing the index take besides: up to 150 ms at 1,000 changes a second (docs/performance.md). */
const WRITE_SHARE = 0.15;

/** Shortest time between two chunks of the relay that are not full, in milliseconds. */
export const relayWaitMs = (targetMs: number): number => targetMs * RELAY_SHARE;

/** The same between two batches of the indexer. */
export const indexerWaitMs = (targetMs: number): number => targetMs * (1 - RELAY_SHARE - WRITE_SHARE);

/**
 * The same between two refreshes that an indexer asks for. Were it longer than between two batches, each refresh would come later
 * behind its batch than the one before, up to such a time.
 */
export const refreshEveryMs = indexerWaitMs;
