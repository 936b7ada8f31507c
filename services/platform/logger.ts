/** JSON logs on standard output, one object a line. */
import { pino, stdTimeFunctions, type Logger } from 'pino';
import { choice, type EnvSpec } from './env.ts';

export type { Logger } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export const loggerEnv = {
  LOG_LEVEL: {
    schema: choice(LOG_LEVELS, 'info'),
    defaultText: 'info',
    description: `One of ${LOG_LEVELS.join(', ')}.`,
  },
} as const satisfies EnvSpec;

export interface LoggerOptions {
  readonly service: string;
  readonly level: (typeof LOG_LEVELS)[number];
  /** File descriptor; 2 for a command whose standard output is its result. */
  readonly fd?: 1 | 2;
}

/**
 * The root logger of a process; parts of it derive their own with `logger.child({ part })`.
 * Lines are written at once, together with those that came while the write before was under way: under load one system
 * call carries many. What is left is written when the process exits; SIGKILL alone loses the lines of the last moment.
 */
export const createLogger = ({ service, level, fd = 1 }: LoggerOptions): Logger =>
  pino(
    {
      level,
      base: { service },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // Last line of defence: configuration objects are not logged, but an error of a client library may carry one.
      redact: { paths: ['*.password', '*.authorization', '*.headers.authorization', '*.apiKey'], censor: '[redacted]' },
    },
    pino.destination({ dest: fd, sync: false }),
  );
