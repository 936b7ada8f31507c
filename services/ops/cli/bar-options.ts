/** What all progress bars of the commands have in common. */
import { Writable } from 'node:stream';
import progress, { type Options, type TimeFormatter } from 'cli-progress';

/** Where standard error is no terminal, a line as often as this, if there is news: what ends sooner says nothing but its result. */
const LINE_EVERY_MS = 5_000;

/** On standard error, as standard output belongs to the result; with the time that is left over a steady rate. */
export const barOptions = (
  format: string,
  stream: Writable & { readonly isTTY?: boolean } = process.stderr,
): Options => ({
  format,
  stream: stream.isTTY ? stream : newsOnly(stream),
  noTTYOutput: true,
  notTTYSchedule: LINE_EVERY_MS,
  hideCursor: true,
  fps: 5,
  formatTime,
  etaBuffer: 100,
});

/**
 * Hands on the lines of a bar, which draws one at its start, one as often as the time has come, changed or not, and one at its
 * end: nothing before that time, and nothing twice.
 */
const newsOnly = (stream: Writable): Writable => {
  const quietUntil = performance.now() + LINE_EVERY_MS;
  let [line, last] = ['', ''];
  return new Writable({
    decodeStrings: false,
    write: (chunk: unknown, _encoding, done) => {
      const [first = '', ...rest] = String(chunk).split('\n');
      line += first;
      for (const next of rest) {
        if (line !== '' && line !== last && performance.now() >= quietUntil) stream.write(`${line}\n`);
        [last, line] = [line === '' ? last : line, next];
      }
      done();
    },
  });
};

/**
 * The time that is left as the library writes it, and `?` where it would say NULL or INF.
 * @param seconds declared a number, but text while the library does not know it
 */
const formatTime: TimeFormatter = (seconds, options, roundToMultipleOf) =>
  Number.isFinite(seconds) ? progress.Format.TimeFormat(seconds, options, roundToMultipleOf) : '?';
