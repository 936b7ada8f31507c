/** The process of one run: it is told what to do by a message, and answers with the result. */
import { planByNames } from './plan.ts';
import { remoteServers, type KnownServers } from './remote-servers.ts';
import { run, type RunOptions, type RunResult } from './run.ts';

export interface RunOrder extends Omit<RunOptions, 'plan'> {
  readonly type: 'run';
  readonly plan: readonly (readonly string[])[];
  readonly servers: KnownServers;
}

export type RunReport =
  { readonly type: 'result'; readonly result: RunResult } | { readonly type: 'failure'; readonly error: string };

const isOrder = (message: unknown): message is RunOrder =>
  typeof message === 'object' && message !== null && 'type' in message && message.type === 'run';

const report = (message: RunReport): void => {
  process.send?.(message, () => process.exit(0));
};

// Without the parent there are no servers to run on.
process.on('disconnect', () => process.exit(1));
process.once('message', (order: unknown) => {
  if (!isOrder(order)) throw new Error('no order to run');
  run(remoteServers(order.servers), { ...order, plan: planByNames(order.plan) }).then(
    (result) => {
      report({ type: 'result', result });
    },
    (error: unknown) => {
      report({ type: 'failure', error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    },
  );
});
