/** Readers of formats with one task a line. */
import { createInterface } from 'node:readline';
import type { ImportLine, Reader } from './line.ts';

/** A reader that parses each line by itself, skips empty ones, and drops a byte order mark. */
export const lineReader = (parseLine: (line: number, raw: string) => ImportLine): Reader =>
  async function* (input) {
    let line = 0;
    for await (const raw of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      line += 1;
      const text = (line === 1 ? raw.replace(/^\uFEFF/, '') : raw).trim();
      if (text !== '') yield parseLine(line, text);
    }
  };
