/** Settings of the console. */
import { flag, text, type EnvSpec } from '../../platform/env.ts';
import { INDEXER_GROUP } from '../../task/resources.ts';

export const consoleEnv = {
  CONSOLE: {
    schema: flag(false),
    defaultText: 'false',
    description:
      'Whether `/console` is served, a page to work with tasks and to watch the pipeline. It has no login of its own.',
  },
  CONSUMER_GROUP: {
    schema: text().default(INDEXER_GROUP),
    defaultText: INDEXER_GROUP,
    description: 'Consumer group of the indexers, which the console watches.',
  },
} as const satisfies EnvSpec;
