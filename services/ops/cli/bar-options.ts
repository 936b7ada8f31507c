/** What all progress bars of the commands have in common. */
import progress, { type Options, type TimeFormatter } from 'cli-progress';

/** Where standard error is no terminal, a line as often as this. */
const LINE_EVERY_MS = 5_000;

/** On standard error, as standard output belongs to the result; with the time that is left over a steady rate. */
export const barOptions = (format: string, stream: NodeJS.WriteStream = process.stderr): Options => ({
  format,
  stream,
  noTTYOutput: true,
  notTTYSchedule: LINE_EVERY_MS,
  hideCursor: true,
  fps: 5,
  formatTime,
  etaBuffer: 100,
});

/**
 * The time that is left as the library writes it, and `?` where it would say NULL or INF.
 * @param seconds declared a number, but text while the library does not know it
 */
const formatTime: TimeFormatter = (seconds, options, roundToMultipleOf) =>
  Number.isFinite(seconds) ? progress.Format.TimeFormat(seconds, options, roundToMultipleOf) : '?';
