/** Measures once, or again and again until a signal stops the command. */
import type { Output } from './output.ts';

/** Exit code when a limit is exceeded. */
export const EXIT_EXCEEDED = 2;

export interface WatchOptions<R> {
  /** Takes as long as it samples; nothing when a signal stopped it meanwhile. */
  readonly measure: () => Promise<R | undefined>;
  readonly show: (report: R) => string;
  readonly exceeds: (report: R) => boolean;
  readonly watch: boolean;
  readonly json: boolean;
  readonly output: Output;
}

const CLEAR = '\u001b[2J\u001b[H';

/** @returns the exit code, which the last figure decides */
export const watchReport = async <R>({
  measure,
  show,
  exceeds,
  watch,
  json,
  output,
}: WatchOptions<R>): Promise<number> => {
  let code = 0;
  for (;;) {
    const report = await measure();
    if (report === undefined) return code;
    code = exceeds(report) ? EXIT_EXCEEDED : 0;
    const text = json ? JSON.stringify(report) : show(report);
    const clear = watch && !json && process.stdout.isTTY ? CLEAR : '';
    if (!(await output.write(`${clear}${text}\n`)) || !watch) return code;
  }
};
