/** How many files, and so connections, this process may have open. */
import { z } from 'zod';
import { TaskstreamError } from './errors.ts';

const report = z.object({
  userLimits: z.object({ open_files: z.object({ soft: z.union([z.number(), z.literal('unlimited')]) }) }),
});

/** For code, log, event loop, Kafka and the clients of other servers: twice what an API has open that was just started. */
const OWN_FILES = 100;
/** With fewer, starting makes no sense. */
const LEAST_CONNECTIONS = 10;

/**
 * How many connections of clients fit below the limit of open files (`ulimit -n`), `most` at most. Each may need a second
 * one, to the server that its request is about. `reserved` is what the rest of the process opens.
 * @throws TaskstreamError `invalid_configuration` when hardly any do
 */
export const connectionsThatFit = (most: number, reserved: number): number => {
  const { soft } = report.parse(process.report.getReport()).userLimits.open_files;
  if (soft === 'unlimited') return most;
  const fitting = Math.floor((soft - OWN_FILES - reserved) / 2);
  if (fitting >= LEAST_CONNECTIONS) return Math.min(most, fitting);
  throw new TaskstreamError(
    'invalid_configuration',
    `This process may open ${soft} files, which leaves none for clients. Raise the limit (ulimit -n) to ${OWN_FILES + reserved + 2 * LEAST_CONNECTIONS} at least.`,
  );
};
