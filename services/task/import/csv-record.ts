/** One record of CSV (RFC 4180). A parser of streams cannot resume at the line after a quote that nobody closed. */

/** The cells; `open` when a quote is not closed yet, `broken` when text follows a closing quote. */
export const splitRecord = (text: string, delimiter: string): readonly string[] | 'open' | 'broken' => {
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    const start = at;
    while (text[at] === ' ') at += 1;
    if (text[at] === '"') {
      let cell = '';
      for (at += 1; ; at += 2) {
        const end = text.indexOf('"', at);
        if (end === -1) return 'open';
        cell += text.slice(at, end);
        at = end;
        if (text[end + 1] !== '"') break;
        cell += '"';
      }
      at += 1;
      while (text[at] === ' ') at += 1;
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
