/**
 * The servers, for a run in a process of its own: calls travel as messages to the process that has started them.
 * A run has its own process so that whatever ends it (an assertion in a native library of the checker's, say) is one
 * failed run, and so that runs leave nothing to each other.
 */
import type { ChildProcess } from 'node:child_process';
import type { RunningServers, Servers } from './servers.ts';

/** What a run knows of the servers from the start. */
export type KnownServers = Pick<Servers, 'urls' | 'serviceUrls' | 'copies'>;

type Method = 'setLink' | 'signal' | 'restart' | 'startSecondBroker' | 'endSecondBroker' | 'strike';
interface Call {
  readonly type: 'call';
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
}
interface Answer {
  readonly type: 'answer';
  readonly id: number;
  readonly error?: string;
}

const isOf = <T extends { readonly type: string }>(type: T['type'], message: unknown): message is T =>
  typeof message === 'object' && message !== null && 'type' in message && message.type === type;

/** Carries out the calls of `child`. */
export const serveServers = (child: ChildProcess, servers: RunningServers): void => {
  const send = (answer: Answer) => {
    // A run that has ended wants no answer.
    if (child.connected) child.send(answer);
  };
  child.on('message', (message: unknown) => {
    if (!isOf<Call>('call', message)) return;
    const { id, method, args } = message;
    (servers[method] as (...args: readonly unknown[]) => Promise<void>)(...args).then(
      () => {
        send({ type: 'answer', id });
      },
      (error: unknown) => {
        send({ type: 'answer', id, error: String(error) });
      },
    );
  });
};

/** In the run's process: the servers of its parent. */
export const remoteServers = (known: KnownServers): Servers => {
  let last = 0;
  const open = new Map<number, (answer: Answer) => void>();
  // One listener for all: answers to calls of faults that happen at the same time come right behind each other.
  process.on('message', (message: unknown) => {
    if (!isOf<Answer>('answer', message)) return;
    open.get(message.id)?.(message);
    open.delete(message.id);
  });
  const call = (method: Method, args: readonly unknown[]): Promise<void> => {
    last += 1;
    const id = last;
    return new Promise((resolve, reject) => {
      open.set(id, ({ error }) => {
        if (error === undefined) resolve();
        else reject(new Error(error));
      });
      process.send?.({ type: 'call', id, method, args } satisfies Call);
    });
  };
  return {
    ...known,
    setLink: (...args) => call('setLink', args),
    signal: (...args) => call('signal', args),
    restart: (...args) => call('restart', args),
    startSecondBroker: () => call('startSecondBroker', []),
    endSecondBroker: (...args) => call('endSecondBroker', args),
    strike: (...args) => call('strike', args),
  };
};
