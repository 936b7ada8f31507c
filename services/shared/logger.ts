/** JSON logs, one object a line: on standard output, or elsewhere for a command whose output is its result. */
import { pino, stdTimeFunctions, type Logger, type LoggerOptions as PinoOptions } from 'pino';
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
  /** Standard output when left out. */
  readonly stream?: NodeJS.WritableStream;
}

/** The root logger of a process; parts of it derive their own with `logger.child({ part })`. */
export const createLogger = ({ service, level, stream }: LoggerOptions): Logger => {
  const options: PinoOptions = {
    level,
    base: { service },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    // Last line of defence: configuration objects are not logged, but an error of a client library may carry one.
    redact: { paths: ['*.password', '*.authorization', '*.headers.authorization', '*.apiKey'], censor: '[redacted]' },
  };
  return stream === undefined ? pino(options) : pino(options, stream);
};
