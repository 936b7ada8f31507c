/** Colour, on a terminal only (and not when NO_COLOR asks for none: no-color.org). */
import { styleText } from 'node:util';

export type Colour = Extract<Parameters<typeof styleText>[0], string>;

/** `text` in a colour, or as it is when standard output is not a terminal. */
export const paint = (colour: Colour, text: string): string =>
  process.stdout.isTTY && !process.env['NO_COLOR'] ? styleText(colour, text) : text;
