/** What a reader makes of an input: tasks to create, and lines it cannot use. */
import type { Priority } from '../events.ts';

/** A task as a file describes it; the API judges whether it is valid. */
export interface ImportedTask {
  readonly description: string;
  readonly priority?: Priority;
  readonly dates?: { readonly start?: string; readonly due?: string };
  readonly isDone: boolean;
}

export type ImportLine =
  | { readonly line: number; readonly raw: string; readonly task: ImportedTask }
  | { readonly line: number; readonly raw: string; readonly fault: string };

/** Reads an input piece by piece, so that memory does not grow with the file. Line numbers begin at 1. */
export type Reader = (input: NodeJS.ReadableStream) => AsyncIterable<ImportLine>;
