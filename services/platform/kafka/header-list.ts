/** A record's headers as pairs, in order; a name may come twice. */
import type { Message } from './native.ts';

export const headersOf = ({ headers }: Pick<Message, 'headers'>): readonly (readonly [name: string, value: Buffer])[] =>
  (headers ?? []).flatMap((header) =>
    Object.entries(header).map(([name, value]): [string, Buffer] => [name, Buffer.from(value)]),
  );
