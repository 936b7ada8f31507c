/**
 * Text of others on a terminal. Whoever can write to a topic or a file must not be able to move an operator's cursor, colour
 * a line as somebody else's, or turn its text around.
 */

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text, or nothing when the bytes are not UTF-8. */
export const textOf = (bytes: Buffer): string | undefined => {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
};

/** Control characters (C0 and C1), line separators, those that turn the direction of writing, the byte order mark. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/gu;

const escape = (character: string): string =>
  character === '\n'
    ? '\\n'
    : character === '\t'
      ? '\\t'
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** One line that is safe to print. */
export const lineOf = (text: string): string => text.replaceAll(UNSAFE, escape);

/** Several lines that are safe to print. */
export const linesOf = (text: string): string => text.split(/\r?\n/).map(lineOf).join('\n');

/** One line of any bytes; what is not UTF-8 is shown as hexadecimal. */
export const bytesLine = (bytes: Buffer): string => {
  const text = textOf(bytes);
  return text === undefined ? `0x${bytes.toString('hex')}` : lineOf(text);
};

/** Several lines: JSON is indented, other text keeps its line breaks, other bytes become a hexadecimal dump. */
export const bytesBlock = (bytes: Buffer): string => {
  const text = textOf(bytes);
  if (text === undefined) return hexDump(bytes);
  // Keys may be doubled and numbers too large: what is shown differs then from what is there, so `--json` has the bytes.
  return linesOf(indented(text) ?? text);
};

const indented = (text: string): string | undefined => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return undefined;
  }
};

const WIDTH = 16;

const hexDump = (bytes: Buffer): string => {
  const lines: string[] = [];
  for (let start = 0; start < bytes.length; start += WIDTH) {
    const row = bytes.subarray(start, start + WIDTH);
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = [...row].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${start.toString(16).padStart(8, '0')}  ${hex.padEnd(WIDTH * 3 - 1)}  ${text}`);
  }
  return lines.join('\n');
};

/** For scripts: text where the bytes are UTF-8, or else `base64:` and the bytes. */
export const bytesJson = (bytes: Buffer | null | undefined): string | null =>
  bytes === null || bytes === undefined ? null : (textOf(bytes) ?? `base64:${bytes.toString('base64')}`);
