/** Headers of a record, which a name may have twice. */
import type { Message } from './native.ts';

/** The text of a record's header, the last one of that name; nothing when there is none. */
export const headerOf = (message: Message | undefined, name: string): string | undefined =>
  message?.headers?.findLast((header) => name in header)?.[name]?.toString();

/** All of them as pairs, in order. */
export const headersOf = (message: Pick<Message, 'headers'>): readonly (readonly [name: string, value: Buffer])[] =>
  ownHeaders(message).flatMap((header) =>
    Object.entries(header).map(([name, value]): [string, Buffer] => [name, Buffer.from(value)]),
  );

/**
 * All of them as they can be sent again. The binding sets each name as a property of an object of its own, which for the
 * name `__proto__` sets the object's prototype instead: sent again as it is, such a header is refused after its record was
 * queued.
 */
export const ownHeaders = ({ headers }: Pick<Message, 'headers'>): NonNullable<Message['headers']> =>
  (headers ?? []).flatMap((header) => {
    if (Object.keys(header).length > 0) return [header];
    const value: unknown = Object.getPrototypeOf(header);
    return Buffer.isBuffer(value) ? [Object.fromEntries([['__proto__', value]])] : [];
  });
