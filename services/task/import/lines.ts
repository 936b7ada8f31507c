/** What a reader finds in an input: tasks to create, and lines it cannot use. */
import type { FieldValues } from '../../pipeline/field.ts';
import type { DayReader } from './dates.ts';
import { textLines } from './text-lines.ts';

/** The fields of a task as a file describes it, by name; each was judged by the field's own schema. */
export type ImportedTask = FieldValues & { readonly isDone: boolean };

/** Of one JSON document, `line` counts its objects: `isItem`. `identity` is what makes a line the same line in the next import, within its source. */
export type ImportLine =
  | {
      readonly line: number;
      readonly identity: string;
      readonly task: ImportedTask;
      /** The fields that the line itself names: all that it changes of a task that is there. */
      readonly named: FieldValues;
      /** The id that the line gives, and when the task was changed there. */
      readonly id?: string | undefined;
      readonly updatedAt?: string | undefined;
      /** What the line says and a task has no place for. */
      readonly leftOut?: string;
      readonly isItem?: true;
    }
  | {
      readonly line: number;
      readonly fault: string;
      readonly isItem?: true;
      /** By column the words that are not known, where nothing else is wrong. */
      readonly unknown?: Readonly<Record<string, string>>;
    }
  /** What is no task, as the options say, and why. */
  | { readonly line: number; readonly skipped: string; readonly isItem?: true };

export interface ReadOptions {
  /** WHATWG name; UTF-8 or UTF-16, by the first bytes, when not given. */
  readonly encoding?: string | undefined;
  readonly days: DayReader;
  /** The format is a guess by the file's ending, and what the file begins with may speak against it. */
  readonly isGuess?: boolean | undefined;
  /** Of CSV: one character; detected when not given. */
  readonly delimiter?: string | undefined;
  /** Lines of CSV before its header. */
  readonly skip?: number | undefined;
  /** Columns of CSV without a header, in their order. */
  readonly columns?: readonly string[] | undefined;
  /** Columns by header or JSON key, both without regard to case; an empty one leaves it out. */
  readonly map?: Readonly<Record<string, string>> | undefined;
  /** Whether headers and keys that are not known are left out. */
  readonly ignoreUnknown?: boolean | undefined;
  /** The header or key that tells tasks from what is none, and its words for them. */
  readonly only?: { readonly name: string; readonly words: readonly string[] } | undefined;
  /** Meanings of words, by column. */
  readonly values?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined;
  /** Where a JSON document has its tasks, such as `lists.tasks`. */
  readonly at?: string | undefined;
}

/** Reads an input piece by piece, so that memory does not grow with the file. Line numbers begin at 1. */
export type Reader = (input: AsyncIterable<string | Uint8Array>, options: ReadOptions) => AsyncIterable<ImportLine>;

export const NOT_TEXT =
  'is not UTF-8, or not of the encoding that was named: save the file as UTF-8, or name its encoding, as in --encoding windows-1252';

/**
 * A reader of a format with one task a line: it parses each line by itself and skips empty ones.
 * @param checkFirst throws where the first line is of another format
 */
export const lineReader = (
  parseLine: (line: number, text: string, options: ReadOptions) => ImportLine,
  checkFirst: (text: string, options: ReadOptions) => void,
): Reader =>
  async function* (input, options) {
    let isFirst = true;
    for await (const { line, text } of textLines(input, options.encoding)) {
      const trimmed = text?.trim();
      if (trimmed === '') continue;
      if (isFirst && trimmed !== undefined) checkFirst(trimmed, options);
      isFirst = false;
      yield trimmed === undefined ? { line, fault: NOT_TEXT } : parseLine(line, trimmed, options);
    }
  };
