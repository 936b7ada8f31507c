/**
 * todo.txt: one task a line, `x 2026-03-02 2026-03-01 (A) Call the bank +home @phone due:2026-03-05`.
 * Source: the todo.txt format rules (todotxt/todo.txt). Projects and contexts become tags without their sign, and stay in the
 * description too, as they are often words of its sentence. Priority A is high, B medium, C and below low. `due:` and the common extension `t:` (threshold) become
 * the dates; other `key:value` pairs stay in the text. Creation and completion dates have no field and are dropped.
 */
import type { Priority } from '../fields.ts';
import { dayToTimestamp, isDay } from './dates.ts';
import { judgeLine } from './judge.ts';
import { lineReader, type ImportLine } from './lines.ts';

const LINE = /^(?<done>x )?(?:\((?<priority>[A-Z])\) )?(?:\d{4}-\d{2}-\d{2} ){0,2}(?:\((?<late>[A-Z])\) )?(?<text>.*)$/;
const DATE_TAG = /(?:^|\s)(?<key>due|t|pri):(?<value>\S+)/g;

/** A project or context: a word with its sign, alone between blanks. */
const LABEL = /(?<=^|\s)[+@](\S{1,50})(?=\s|$)/g;
/** As many as a task may have; further ones stay in the text. */
const MAX_LABELS = 20;

const labelsIn = (text: string): string[] => [...new Set([...text.matchAll(LABEL)].map(([, label = '']) => label))];

const parseLine = (line: number, raw: string): ImportLine => {
  const parts = LINE.exec(raw)?.groups ?? {};
  const tags: Record<string, string> = {};
  const description = (parts['text'] ?? '')
    .replace(DATE_TAG, (tag: string, key: string, value: string) => {
      // `due:tomorrow` is no date of this format: it stays in the text.
      if (key === 'pri' ? !/^[A-Z]$/.test(value) : !isDay(value)) return tag;
      tags[key] = value;
      return '';
    })
    .trim();
  if (description === '') return { line, raw, fault: 'there is no text besides dates and marks' };
  const letter = parts['priority'] ?? parts['late'] ?? tags['pri'];
  const labels = labelsIn(description).slice(0, MAX_LABELS);
  return judgeLine(line, raw, {
    description,
    ...(labels.length === 0 ? {} : { tags: labels }),
    isDone: parts['done'] !== undefined,
    ...(letter === undefined ? {} : { priority: priorityOf(letter) }),
    ...(tags['t'] === undefined && tags['due'] === undefined
      ? {}
      : { dates: { start: dayToTimestamp(tags['t']), due: dayToTimestamp(tags['due']) } }),
  });
};

const priorityOf = (letter: string): Priority => (letter === 'A' ? 'high' : letter === 'B' ? 'medium' : 'low');

export const readTodoTxt = lineReader(parseLine);
