/** Conditions of Go templates, as text. */

const enclosed = (expression: string): string =>
  expression.includes(' ') && !isEnclosed(expression) ? `(${expression})` : expression;

const isEnclosed = (expression: string): boolean => /^\([^()]*\)$/.test(expression);

const joined = (word: string, expressions: readonly string[]): string => {
  const different = [...new Set(expressions)];
  return different.length === 1 ? (different[0] ?? '') : `${word} ${different.map(enclosed).join(' ')}`;
};

/** @param expressions at least one */
export const any = (expressions: readonly string[]): string => joined('or', expressions);

/** @param expressions at least one */
export const all = (expressions: readonly string[]): string => joined('and', expressions);
