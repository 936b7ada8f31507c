/** The commands of a piece of shell as a page shows it: enough to judge what they name, not to run them. */

/** `<<'EOT'` and what follows, up to the line that ends it. */
const HERE_DOCUMENT = /<<'(\w+)'([^\n]*)\n[^]*?\n\1(?=\n|$)/g;
const TOKEN =
  /(?<gap>[ \t]|\\\n)|(?<comment>#[^\n]*)|(?<end>[|&;()\n])|(?<word>(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s|&;()"'\\])+)/gs;

/** Each command with its words, without quotes, redirections and variables in front; those in `"$(…)"` too. */
export const commandsOf = (shell: string): string[][] => {
  const commands: string[][] = [[]];
  const inner: string[] = [];
  for (const { groups = {} } of shell.replaceAll(HERE_DOCUMENT, '$2').matchAll(TOKEN)) {
    const { end, word } = groups;
    if (end !== undefined) commands.push([]);
    if (word === undefined) continue;
    inner.push(...[...word.matchAll(/\$\(([^()]*)\)/g)].map(([, text = '']) => text));
    commands.at(-1)?.push(word.replaceAll(/"((?:\\.|[^"\\])*)"|'([^']*)'/gs, '$1$2'));
  }
  return [...commands.map(commandOnly).filter((words) => words.length > 0), ...inner.flatMap(commandsOf)];
};

const commandOnly = (words: readonly string[]): string[] => {
  const isRedirection = (word: string | undefined) => word !== undefined && /^\d?[<>]/.test(word);
  const isBare = (word: string | undefined) => word !== undefined && /^\d?[<>]+$/.test(word);
  const kept = words.filter((word, at) => !isRedirection(word) && !isBare(words[at - 1]));
  const first = kept.findIndex((word) => !/^\w+=/.test(word));
  return first === -1 ? [] : kept.slice(first);
};
