/** JSON logs on standard output, one object a line. */
import { fstatSync } from 'node:fs';
import { pino, stdTimeFunctions, type Logger, type LoggerOptions as PinoOptions } from 'pino';
import { Counter, type Registry } from 'prom-client';
import { choice, type EnvSpec } from './env.ts';
import { messageOf } from './errors.ts';
import { createLogDestination } from './log-destination.ts';

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
  /** Where dropped lines are counted. */
  readonly registry?: Registry;
}

/** Bound on the lines that wait for a reader, or for room on a disk: some ten thousand. */
const MAX_WAITING_BYTES = 4 * 1_024 * 1_024;

const STDERR = 2;
/** Between two reports on standard error that the log cannot be written. */
const REPORT_MS = 60_000;
const MAX_REPORT_BYTES = 16 * 1_024;

/**
 * The root logger of a process; parts of it derive their own with `logger.child({ part })`.
 * Lines are written at once, together with those that came while the write before was under way: under load one system
 * call carries many. What is left is written when the process exits; SIGKILL alone loses the lines of the last moment.
 * While nobody reads, or no write succeeds, lines wait up to a bound; those beyond it are dropped and counted, and a line
 * says how many. That no write succeeds is said on standard error, where that is another place.
 */
export const createLogger = ({ service, level, fd = 1, registry }: LoggerOptions): Logger => {
  const counter =
    registry &&
    new Counter({
      name: 'taskstream_log_lines_dropped_total',
      help: 'Log lines that were dropped because nobody read the log fast enough, or because it could not be written.',
      registers: [registry],
    });
  let dropped = 0;
  const format: PinoOptions = {
    level,
    base: { service },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    // Last line of defence: configuration objects are not logged, but an error of a client library may carry one.
    redact: { paths: ['*.password', '*.authorization', '*.headers.authorization', '*.apiKey'], censor: '[redacted]' },
  };
  // Lines that nobody reads there are lost.
  const ignore = () => undefined;
  const stderr = pino(
    format,
    createLogDestination({
      fd: STDERR,
      maxBytes: MAX_REPORT_BYTES,
      onDrop: ignore,
      onFailure: ignore,
      onDrain: ignore,
    }),
  );
  let reportedAt = Number.NEGATIVE_INFINITY;
  const destination = createLogDestination({
    fd,
    maxBytes: MAX_WAITING_BYTES,
    onDrop: () => {
      dropped += 1;
      counter?.inc();
    },
    onFailure: (error) => {
      if (performance.now() - reportedAt < REPORT_MS || isSameFile(fd, STDERR)) return;
      reportedAt = performance.now();
      stderr.error(
        { reason: messageOf(error), dropped },
        'the log cannot be written: lines wait, and are then dropped',
      );
    },
    onDrain: () => {
      if (dropped === 0) return;
      const lines = dropped;
      dropped = 0;
      logger.warn({ lines }, 'the log was not read, or could not be written, for a while: lines were dropped');
    },
  });
  const logger = pino(format, destination);
  return logger;
};

/** Whether two descriptors lead to the same place; not where one is closed. */
const isSameFile = (fd: number, other: number): boolean => {
  try {
    const [a, b] = [fstatSync(fd), fstatSync(other)];
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
};
