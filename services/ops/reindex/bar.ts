/** Progress on standard error: a bar with rate and remaining time on a terminal, a line now and then elsewhere. */
import { SingleBar } from 'cli-progress';
import { barOptions } from '../cli/bar-options.ts';
import type { Progress } from '../../pipeline/reindex/context.ts';

export interface ProgressBar extends Progress {
  stop(): void;
}

const RENDER_EVERY_MS = 200;

export const createProgressBar = (stream: NodeJS.WriteStream = process.stderr): ProgressBar => {
  let bar: SingleBar | undefined;
  let startedAt = 0;
  let done = 0;
  const render = (): void => {
    const seconds = (performance.now() - startedAt) / 1_000;
    bar?.update(done, { speed: seconds > 0 ? Math.round(done / seconds) : 0 });
  };
  const stop = (): void => {
    render();
    bar?.stop();
    bar = undefined;
  };
  const timer = setInterval(render, RENDER_EVERY_MS);
  timer.unref();
  return {
    step: (name, total) => {
      stop();
      startedAt = performance.now();
      done = 0;
      const hasBar = total !== undefined && total > 0;
      if (!hasBar || !stream.isTTY) stream.write(`${name}\n`);
      if (!hasBar) return;
      bar = new SingleBar(
        barOptions(`${name}  {bar} {percentage}%  {value}/{total}  {speed}/s  {eta_formatted} left`, stream),
      );
      bar.start(total, 0, { speed: 0 });
    },
    advance: (count) => {
      done += count;
    },
    note: (line) => {
      stream.write(stream.isTTY && bar !== undefined ? `\r\u001b[K${line}\n` : `${line}\n`);
    },
    stop: () => {
      clearInterval(timer);
      stop();
    },
  };
};
