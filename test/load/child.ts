/**
 * Work in a process of its own, so that what is measured does not share an event loop with what measures.
 * A child is a module that calls `answerOrder`; it gets one order, and ends with its answer.
 */
import { fork } from 'node:child_process';
import { join } from 'node:path';

type Answer = { readonly result: unknown } | { readonly error: string };

const isAnswer = (message: unknown): message is Answer =>
  typeof message === 'object' && message !== null && ('result' in message || 'error' in message);

/**
 * Runs `children/<name>.ts` with an order.
 * @throws what the child threw, or when it ended without an answer
 */
export const runChild = async <R>(name: string, order: object): Promise<R> => {
  const child = fork(join(import.meta.dirname, 'children', `${name}.ts`), [], { execArgv: ['--import', 'tsx'] });
  child.send({ order });
  try {
    return await new Promise<R>((resolve, reject) => {
      child.once('message', (message: unknown) => {
        if (!isAnswer(message)) reject(new Error(`${name} answered ${JSON.stringify(message)}`));
        else if ('error' in message) reject(new Error(`${name}: ${message.error}`));
        else resolve(message.result as R);
      });
      child.once('exit', (code, signal) => {
        reject(new Error(`${name} ended without an answer (${signal ?? code ?? ''})`));
      });
    });
  } finally {
    child.kill('SIGKILL');
  }
};

/** In the child: carries out its order. */
// What a parent sends is typed where it is sent (`satisfies`), and where it is taken: here.
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
export const answerOrder = <O>(carryOut: (order: O) => Promise<unknown>): void => {
  process.on('disconnect', () => process.exit(1));
  process.once('message', ({ order }: { order: O }) => {
    carryOut(order).then(
      (result) => process.send?.({ result }),
      (error: unknown) =>
        process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
};
