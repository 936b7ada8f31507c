/** `1 letter`, `1,024 letters`: a number with its noun, whose plural ends in s. */
export const count = (number: number, noun: string): string =>
  `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
