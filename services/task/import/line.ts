/** What a reader finds in an input: tasks to create, and lines it cannot use. */
import type { FieldValues } from '../../pipeline/field.ts';

/** The fields of a task as a file describes it, by name; each was judged by the field's own schema. */
export type ImportedTask = FieldValues & { readonly isDone: boolean };

export type ImportLine =
  | { readonly line: number; readonly raw: string; readonly task: ImportedTask }
  | { readonly line: number; readonly raw: string; readonly fault: string };

/** Reads an input piece by piece, so that memory does not grow with the file. Line numbers begin at 1. */
export type Reader = (input: NodeJS.ReadableStream) => AsyncIterable<ImportLine>;
