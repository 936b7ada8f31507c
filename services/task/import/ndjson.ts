/** NDJSON: one JSON object a line, with the fields of `POST /tasks` and `isDone`. Empty lines are skipped. */
import { messageOf } from '../../platform/errors.ts';
import { judgeLine } from './judge.ts';
import { lineReader, type ImportLine } from './lines.ts';

const parseLine = (line: number, raw: string): ImportLine => {
  try {
    return judgeLine(line, raw, JSON.parse(raw));
  } catch (error) {
    return { line, raw, fault: `not JSON: ${messageOf(error)}` };
  }
};

export const readNdjson = lineReader(parseLine);
