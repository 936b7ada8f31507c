/**
 * Lines of text from bytes: UTF-8, UTF-16, or an encoding by name. A line ends at \n, \r\n, or \r, as
 * spreadsheets on a Mac write it, and at nothing else: JSON may hold U+2028 raw, at which readline of Node 24 splits.
 */
import { TaskstreamError } from '../../platform/errors.ts';

/** A line without its end; `text` is missing where its bytes are not of the encoding. */
export interface TextLine {
  readonly line: number;
  readonly text: string | undefined;
  /** The text, with signs in place of such bytes: it shows where a quote opens and closes. */
  readonly legible: string;
}

const [NEWLINE, RETURN] = [0x0a, 0x0d];
/** A line this long is no task; memory stays bounded. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** @throws TaskstreamError when the encoding has no decoder */
export const checkEncoding = (encoding: string): string => {
  try {
    return new TextDecoder(encoding).encoding;
  } catch (error) {
    throw new TaskstreamError('validation_failed', `There is no encoding "${encoding}"; try windows-1252.`, {
      cause: error,
    });
  }
};

/** By its byte order mark, of which files from Windows have one. */
const markedEncoding = (head: Buffer): string | undefined => {
  if (head.subarray(0, UTF8_MARK.length).equals(UTF8_MARK)) return 'utf-8';
  return head[0] === 0xff && head[1] === 0xfe
    ? 'utf-16le'
    : head[0] === 0xfe && head[1] === 0xff
      ? 'utf-16be'
      : undefined;
};

/** Of two characters of ASCII in UTF-16 every other byte is zero, and in text of other encodings none. Source: RFC 4627, 3. */
const likelyEncoding = (head: Buffer): string | undefined => {
  const zeros = [0, 1, 2, 3].map((at) => (head[at] === 0 ? '0' : '1')).join('');
  return zeros === '1010' ? 'utf-16le' : zeros === '0101' ? 'utf-16be' : undefined;
};

/** Files without lines of tasks, by their first bytes. Source: the formats' own specifications. */
const BINARY: readonly (readonly [head: string, what: string])[] = [
  [
    'PK\x03\x04',
    'a workbook (.xlsx, .ods, .numbers) or another ZIP archive: save the sheet as CSV, or unpack the archive',
  ],
  ['\xd0\xcf\x11\xe0', 'a workbook of old (.xls): save the sheet as CSV'],
  ['\x1f\x8b', 'compressed: unpack it, as gunzip does'],
  ['%PDF', 'a PDF: export the tasks as CSV or JSON'],
  ['SQLite format 3\0', 'a SQLite database: export the tasks as CSV or JSON'],
  ['\xff\xfe\0\0', 'text in UTF-32: save it as UTF-8'],
  ['\0\0\xfe\xff', 'text in UTF-32: save it as UTF-8'],
  ['BEGIN:VCALENDAR', 'a calendar (.ics): make a todo.txt of it, as docs/import.md shows'],
];
/** As many as tell all of them. */
const HEAD_BYTES = Math.max(...BINARY.map(([first]) => first.length));

/** @throws TaskstreamError for what has no lines of tasks */
const checkText = (head: Buffer): void => {
  const [, what] = BINARY.find(([first]) => head.toString('latin1').startsWith(first)) ?? [];
  if (what !== undefined) throw new TaskstreamError('validation_failed', `The file is ${what}.`);
};

const UTF8_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
/** No text has this byte in UTF-8. */
const NO_UTF8 = Buffer.from([0xff]);

/** Decoded text as UTF-8. What could not be decoded is none in it either, so that its line is refused, and not garbled. */
const utf8Of = (text: string): Buffer => {
  const [first = '', ...others] = text.split('\ufffd');
  return Buffer.concat([Buffer.from(first), ...others.flatMap((part) => [NO_UTF8, Buffer.from(part)])]);
};

/**
 * @param encoding by its WHATWG name, such as `windows-1252`; UTF-8 or what the first bytes say when not given
 * @throws TaskstreamError when a line is too long
 */
export const textLines = async function* (
  input: AsyncIterable<string | Uint8Array>,
  encoding?: string,
): AsyncGenerator<TextLine, void> {
  let line = 0;
  for await (const bytes of byteLines(input, encoding)) {
    line += 1;
    const text = decode(bytes);
    yield { line, text, legible: text ?? bytes.toString() };
  }
};

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const decode = (bytes: Buffer): string | undefined => {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
};

const byteLines = async function* (
  input: AsyncIterable<string | Uint8Array>,
  encoding: string | undefined,
): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let length = 0;
  let endedByReturn = false;
  for await (const chunk of utf8Chunks(input, encoding)) {
    let from = 0;
    for (const end of lineEnds(chunk)) {
      // The second half of \r\n, which may come with the next chunk.
      const isHalf = endedByReturn && chunk[end] === NEWLINE && length === 0 && end === from;
      endedByReturn = chunk[end] === RETURN;
      if (!isHalf) yield Buffer.concat([...parts, chunk.subarray(from, end)]);
      [parts, length, from] = [[], 0, end + 1];
    }
    parts.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > MAX_LINE_BYTES) throw new TaskstreamError('validation_failed', 'A line is longer than 16 MiB.');
  }
  if (length > 0) yield Buffer.concat(parts);
};

/** Where lines end. A file has few of one of the two, or none: each is looked for once. */
const lineEnds = function* (chunk: Buffer): Generator<number> {
  const next = (byte: number, from: number): number => {
    const at = chunk.indexOf(byte, from);
    return at === -1 ? Infinity : at;
  };
  let [newline, carriage] = [next(NEWLINE, 0), next(RETURN, 0)];
  for (let end = Math.min(newline, carriage); end !== Infinity; end = Math.min(newline, carriage)) {
    yield end;
    if (end === newline) newline = next(NEWLINE, end + 1);
    else carriage = next(RETURN, end + 1);
  }
};

/** The input as UTF-8 without a byte order mark. */
const utf8Chunks = async function* (
  input: AsyncIterable<string | Uint8Array>,
  encoding: string | undefined,
): AsyncGenerator<Buffer> {
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  let head: Buffer | undefined = Buffer.alloc(0);
  const begin = (bytes: Buffer): Buffer => {
    checkText(bytes);
    const marked = markedEncoding(bytes);
    const name = marked ?? encoding ?? likelyEncoding(bytes);
    if (name !== undefined && name !== 'utf-8') decoder = new TextDecoder(name);
    return marked === 'utf-8' ? bytes.subarray(UTF8_MARK.length) : bytes;
  };
  const convert = (bytes: Buffer): Buffer =>
    decoder === undefined ? bytes : utf8Of(decoder.decode(bytes, { stream: true }));
  for await (const piece of input) {
    const chunk = Buffer.from(piece as Uint8Array);
    if (head === undefined) {
      yield convert(chunk);
    } else {
      head = Buffer.concat([head, chunk]);
      if (head.length < HEAD_BYTES) continue;
      yield convert(begin(head));
      head = undefined;
    }
  }
  if (head !== undefined) yield convert(begin(head));
  if (decoder !== undefined) yield utf8Of(decoder.decode());
};
