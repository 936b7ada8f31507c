/** How progress bars write the time that is left: as their library does, and `?` where it says NULL or INF. */
import progress, { type TimeFormatter } from 'cli-progress';

export const formatTime: TimeFormatter = (seconds, options, roundToMultipleOf) =>
  Number.isFinite(Number(seconds)) ? progress.Format.TimeFormat(seconds, options, roundToMultipleOf) : '?';
