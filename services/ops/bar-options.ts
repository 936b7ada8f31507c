/** How progress bars write the time that is left: as their library does, and `?` where it says NULL or INF. */
import progress, { type TimeFormatter } from 'cli-progress';

/** @param seconds declared a number, but text while the library does not know it */
export const formatTime: TimeFormatter = (seconds, options, roundToMultipleOf) =>
  Number.isFinite(seconds) ? progress.Format.TimeFormat(seconds, options, roundToMultipleOf) : '?';
