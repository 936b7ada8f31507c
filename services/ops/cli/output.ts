/** Standard output of commands that may write much: as slowly as its reader reads, and quiet when the reader has gone. */
import type { Writable } from 'node:stream';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';

export interface Output {
  /** Resolves when the text was taken; false when the reader has gone, as `head` does when it has enough. */
  write(text: string): Promise<boolean>;
}

export const createOutput = (stream: Writable = process.stdout): Output => {
  let isGone = false;
  let failure: Error | undefined;
  // Without a listener the error would end the process with a stack trace.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') isGone = true;
    else failure = error;
  });
  return {
    write: (text) =>
      new Promise((resolve, reject) => {
        if (isGone) {
          resolve(false);
          return;
        }
        stream.write(text, (error) => {
          if (!error) resolve(true);
          else if ('code' in error && error.code === 'EPIPE') {
            isGone = true;
            resolve(false);
          } else {
            reject(new TaskstreamError('internal', `Cannot write: ${messageOf(failure ?? error)}`, { cause: error }));
          }
        });
      }),
  };
};
