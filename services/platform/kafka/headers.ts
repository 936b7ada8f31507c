/** Headers of a record, which a name may have twice. */
import type { Message } from './native.ts';

/** The text of a record's header, the last one of that name; nothing when there is none. */
export const headerOf = (message: Message | undefined, name: string): string | undefined =>
  message?.headers?.findLast((header) => name in header)?.[name]?.toString();

/** All of them as pairs, in order. */
export const headersOf = ({ headers }: Pick<Message, 'headers'>): readonly (readonly [name: string, value: Buffer])[] =>
  (headers ?? []).flatMap((header) =>
    Object.entries(header).map(([name, value]): [string, Buffer] => [name, Buffer.from(value)]),
  );
