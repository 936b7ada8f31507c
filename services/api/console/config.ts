/** Settings of the console. */
import { flag, type EnvSpec } from '../../platform/env.ts';

export const consoleEnv = {
  CONSOLE: {
    schema: flag(false),
    defaultText: 'false',
    description:
      'Whether `/console` is served, a page to work with tasks and to watch the pipeline. It has no login of its own.',
  },
} as const satisfies EnvSpec;
