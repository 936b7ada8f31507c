/**
 * The product's name and what follows from it. This module imports nothing, so that `infra/` can read it through
 * `services/task/resources.ts`.
 */

/** Prefix of client names, consumer groups and metrics. */
export const PRODUCT = 'taskstream';

/** Groups of the one-shot commands begin with it: they may read the topics, and never move the indexer's offsets. */
export const OPS_GROUP_PREFIX = `${PRODUCT}-ops`;

/** Exit code of a service that refuses its settings: EX_CONFIG of sysexits.h. */
export const EXIT_INVALID_CONFIGURATION = 78;
