/** One record of CSV (RFC 4180). A parser of streams cannot resume at the line after a quote that nobody closed. */

/** A record whose last quote is not closed yet: the cells before, and the beginning of its last cell. */
export interface OpenRecord {
  readonly cells: readonly string[];
  readonly open: string;
}

/** White space around a quoted cell, and a byte order mark where files were put together. */
const isBlank = (character: string | undefined, delimiter: string): boolean =>
  character !== undefined && character !== delimiter && character.trim() === '';

/**
 * The cells; `broken` when text follows a closing quote.
 * @param begun what the lines before left open: `text` goes on inside of the quote
 */
export const splitRecord = (
  text: string,
  delimiter: string,
  begun?: OpenRecord,
): readonly string[] | OpenRecord | 'broken' => {
  const cells = [...(begun?.cells ?? [])];
  let open = begun?.open;
  let at = 0;
  for (;;) {
    const start = at;
    while (open === undefined && isBlank(text[at], delimiter)) at += 1;
    if (open !== undefined || text[at] === '"') {
      let cell = open ?? '';
      if (open === undefined) at += 1;
      open = undefined;
      for (; ; at += 2) {
        const end = text.indexOf('"', at);
        if (end === -1) return { cells, open: cell + text.slice(at) };
        cell += text.slice(at, end);
        at = end;
        if (text[end + 1] !== '"') break;
        cell += '"';
      }
      at += 1;
      while (isBlank(text[at], delimiter)) at += 1;
      if (at < text.length && text[at] !== delimiter) return 'broken';
      cells.push(cell);
    } else {
      const end = text.indexOf(delimiter, start);
      at = end === -1 ? text.length : end;
      cells.push(text.slice(start, at).trim());
    }
    if (at >= text.length) return cells;
    at += 1;
  }
};
