/**
 * Writes the lines of the log to a file descriptor. sonic-boom, pino's own destination, ends the process when a write fails,
 * and tries the last lines again for ever, with the event loop blocked: a full disk would end the service.
 */
import { write, writeSync } from 'node:fs';
import { codeOf } from './errors.ts';

export interface LogDestination {
  /** Writes a line as soon as the write before is done. */
  write(line: string): void;
  /** Writes what waits before it returns; pino calls it after a fatal line. It gives up where a write fails. */
  flushSync(): void;
}

export interface LogDestinationOptions {
  readonly fd: number;
  /** Bound on the lines that wait. */
  readonly maxBytes: number;
  /** Takes a line that is dropped, as the bound is reached. */
  readonly onDrop: () => void;
  /** A write has failed, as each will until the fault is gone; a pipe without room is none. */
  readonly onFailure: (error: unknown) => void;
  /** Everything that waited is written. */
  readonly onDrain: () => void;
}

/** Bound on one write, unless a line is longer: what Docker reads at once. */
const WRITE_BYTES = 16 * 1_024;
/** From a write that failed to its next attempt. */
const RETRY_MS = 100;

/**
 * Lines that come while a write is under way wait for the next one: under load one system call carries many. A write that
 * fails is tried again until it succeeds, and lines wait meanwhile. What is left is written when the process exits.
 */
export const createLogDestination = (options: LogDestinationOptions): LogDestination => {
  const { fd, maxBytes, onDrop, onFailure, onDrain } = options;
  const waiting: Buffer[] = [];
  /** Those of a write under way included. */
  let waitingBytes = 0;
  let isBusy = false;
  let flushesAtExit = false;

  /** Takes the lines of one write. */
  const take = (): Buffer => {
    let count = 0;
    let bytes = 0;
    for (const { length } of waiting) {
      if (count > 0 && bytes + length > WRITE_BYTES) break;
      count += 1;
      bytes += length;
    }
    return Buffer.concat(waiting.splice(0, count), bytes);
  };

  /** A full disk may take a part of a line: the rest comes first once there is room. */
  const settle = (chunk: Buffer, writtenBytes: number): void => {
    waitingBytes -= writtenBytes;
    if (writtenBytes < chunk.length) waiting.unshift(chunk.subarray(writtenBytes));
  };

  const writeOn = (): void => {
    isBusy = waiting.length > 0;
    if (!isBusy) {
      onDrain();
      return;
    }
    const chunk = take();
    write(fd, chunk, (error, writtenBytes) => {
      settle(chunk, error === null ? writtenBytes : 0);
      if (error === null) {
        writeOn();
        return;
      }
      if (!isFullForNow(error)) onFailure(error);
      setTimeout(writeOn, RETRY_MS).unref();
    });
  };

  /** What another thread is writing stays with it: the process does not end before. */
  const flushSync = (): void => {
    while (waiting.length > 0) {
      const chunk = take();
      let writtenBytes = 0;
      try {
        writtenBytes = writeSync(fd, chunk);
      } catch (error) {
        if (!isFullForNow(error)) return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
      } finally {
        settle(chunk, writtenBytes);
      }
    }
  };

  return {
    flushSync,
    write: (line) => {
      const bytes = Buffer.from(line);
      if (waitingBytes + bytes.length > maxBytes) {
        onDrop();
        return;
      }
      if (!flushesAtExit) process.once('exit', flushSync);
      flushesAtExit = true;
      waiting.push(bytes);
      waitingBytes += bytes.length;
      if (!isBusy) writeOn();
    },
  };
};

/** Whether a pipe that does not block has no room until somebody reads. */
const isFullForNow = (error: unknown): boolean => codeOf(error) === 'EAGAIN';
