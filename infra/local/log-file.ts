/** Reading the log file of a child process. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const TAIL_BYTES = 16_384;

/** Size of a file in bytes; 0 when it does not exist. */
export const sizeOf = (file: string): number => withFile(file, (fd) => fstatSync(fd).size) ?? 0;

/** Text of a file from byte `offset` on; empty when it does not exist. */
export const readFrom = (file: string, offset: number): string =>
  withFile(file, (fd) => {
    const buffer = Buffer.alloc(Math.max(0, fstatSync(fd).size - offset));
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, offset));
  }) ?? '';

/** The last lines of a file, indented. */
export const tailOf = (file: string, lines: number): string =>
  readFrom(file, Math.max(0, sizeOf(file) - TAIL_BYTES))
    .trimEnd()
    .split('\n')
    .slice(-lines)
    .map((line) => `    ${line}`)
    .join('\n');

const withFile = <T>(file: string, use: (fd: number) => T): T | undefined => {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return undefined;
  }
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
};
