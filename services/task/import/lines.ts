/** What a reader finds in an input: tasks to create, and lines it cannot use. */
import { createInterface } from 'node:readline';
import type { FieldValues } from '../../pipeline/field.ts';

/** The fields of a task as a file describes it, by name; each was judged by the field's own schema. */
export type ImportedTask = FieldValues & { readonly isDone: boolean };

export type ImportLine =
  | { readonly line: number; readonly raw: string; readonly task: ImportedTask }
  | { readonly line: number; readonly raw: string; readonly fault: string };

/** Reads an input piece by piece, so that memory does not grow with the file. Line numbers begin at 1. */
export type Reader = (input: NodeJS.ReadableStream) => AsyncIterable<ImportLine>;

/** A reader of a format with one task a line: it parses each line by itself, skips empty ones, and drops a byte order mark. */
export const lineReader = (parseLine: (line: number, raw: string) => ImportLine): Reader =>
  async function* (input) {
    let line = 0;
    for await (const raw of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      line += 1;
      const text = (line === 1 ? raw.replace(/^\uFEFF/, '') : raw).trim();
      if (text !== '') yield parseLine(line, text);
    }
  };
