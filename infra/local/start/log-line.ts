/** Pino's JSON lines, for a person to read. The log files keep the JSON. */
import type { Colour } from './paint.ts';

type Paint = (colour: Colour, text: string) => string;

const LEVEL_COLOURS: Readonly<Record<string, Colour>> = {
  trace: 'gray',
  debug: 'gray',
  info: 'green',
  warn: 'yellow',
  error: 'red',
  fatal: 'red',
};
/** Said by the prefix of the line already, or of no use to a person. */
const HIDDEN = new Set(['level', 'time', 'msg', 'service', 'pid', 'hostname', 'err']);

/**
 * One log line as lines for the terminal: time, level, message and the other fields; an error's stack below.
 * Anything but a JSON object comes back as it is.
 */
export const formatLogLine = (line: string, paint: Paint): string[] => {
  const entry = parse(line);
  if (entry === undefined) return [line];
  const { time, level, msg, err } = entry;
  const name = typeof level === 'string' ? level : 'info';
  const fields = Object.entries(entry)
    .filter(([key]) => !HIDDEN.has(key))
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const head = [
    paint('gray', typeof time === 'string' ? time.slice(11, 23) : ''),
    paint(LEVEL_COLOURS[name] ?? 'green', name.padEnd(5)),
    typeof msg === 'string' ? msg : '',
    ...(fields.length === 0 ? [] : [paint('gray', fields.join(' '))]),
  ].join(' ');
  return [head, ...errorLines(err).map((text) => paint('gray', `  ${text}`))];
};

const parse = (line: string): Record<string, unknown> | undefined => {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
};

const errorLines = (error: unknown): string[] => {
  if (typeof error !== 'object' || error === null) return [];
  if ('stack' in error && typeof error.stack === 'string') return error.stack.split('\n');
  return 'message' in error && typeof error.message === 'string' ? [error.message] : [];
};
