import type { Message } from './native.ts';

/** The text of a record's header, the last one of that name; nothing when there is none. */
export const headerOf = (message: Message | undefined, name: string): string | undefined =>
  message?.headers?.findLast((header) => name in header)?.[name]?.toString();
