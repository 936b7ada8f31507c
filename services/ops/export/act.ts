/** What `ops export` does. */
import { SingleBar } from 'cli-progress';
import type { ApiFlags } from '../cli/api-options.ts';
import { apiOptionsOf } from '../cli/api-client.ts';
import { barOptions } from '../cli/bar-options.ts';
import { createOutput } from '../cli/output.ts';
import { stopSignal } from '../cli/stop-signal.ts';
import type { Format } from '../import/formats.ts';
import { runExport, type ExportSummary } from './run.ts';

interface Flags extends ApiFlags {
  readonly format: Format;
  readonly where?: Readonly<Record<string, unknown>>;
  readonly timezone: string;
}

const sentence = ({ tasks, partial, isComplete }: ExportSummary, format: Format): string =>
  `${tasks} tasks${isComplete ? '' : ', and then the output was closed or a signal came'}` +
  (partial === 0 ? '' : `; ${format} cannot hold ${partial} of them whole: an import of this file would change them`);

export const exportAll = async ({ format, where, timezone, ...flags }: Flags) => {
  const signal = stopSignal();
  const bar = new SingleBar(barOptions('exporting  {value} tasks'));
  bar.start(0, 0);
  let summary: ExportSummary;
  try {
    summary = await runExport({
      ...{ format, timezone, where, signal },
      api: apiOptionsOf(flags),
      output: createOutput(),
      onPage: ({ tasks }) => {
        bar.update(tasks);
      },
    });
  } finally {
    bar.stop();
  }
  process.stderr.write(`${sentence(summary, format)}\n`);
  if (signal.aborted) process.exitCode = 1;
};
