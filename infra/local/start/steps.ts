/** Progress on the terminal: a line for each step, with the time since the start. */
import { performance } from 'node:perf_hooks';
import { paint } from './paint.ts';

export class Steps {
  readonly #startedAt = performance.now();

  constructor() {
    console.log('Starting taskstream');
  }

  /** A step that is done; `detail` is an address, say. */
  done(what: string, detail = ''): void {
    console.log(`  ${paint('green', '✓')} ${what.padEnd(18)} ${this.elapsed().padStart(7)}  ${paint('gray', detail)}`);
  }

  note(text: string): void {
    console.log(`  ${paint('gray', '·')} ${text}`);
  }

  /** Time since the start, such as `12.3 s`. */
  elapsed(): string {
    return `${((performance.now() - this.#startedAt) / 1_000).toFixed(1)} s`;
  }
}
