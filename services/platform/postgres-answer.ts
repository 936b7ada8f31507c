/**
 * Whether what answers is PostgreSQL. The driver takes every byte for its protocol: where its parser throws, nobody catches
 * it and the process ends; an error message that has no end it reads for ever, with the event loop blocked.
 */
import type { Duplex } from 'node:stream';
import { Client, type ClientConfig } from 'pg';
import { messageOf } from './errors.ts';

/** A client that ends its connection when something else answers. */
export class CheckedClient extends Client {
  constructor(config?: string | ClientConfig) {
    super(config);
    checkAnswers(this.connection);
  }
}

const CODES = { authentication: 0x52, error: 0x45 };
/** Of a message: its code, and how many bytes follow, the four of this number included. */
const HEADER_BYTES = 5;
/** Longest first message by its code, in bytes. Source: libpq, fe-connect.c, `PQconnectPoll`, which expects these two as well. */
const MOST_BYTES: ReadonlyMap<number | undefined, number> = new Map([
  [CODES.authentication, 2_000],
  [CODES.error, 30_000],
]);
const LEAST_BYTES = 8;
/** Of what answered, as an error quotes it. */
const QUOTED_BYTES = 40;

type OnData = (chunk: Buffer) => void;

/** The driver hands each stream of a connection to its parser here, the one that TLS makes included. */
const checkAnswers = (connection: object): void => {
  if (!('attachListeners' in connection) || typeof connection.attachListeners !== 'function') {
    throw new TypeError('the driver of PostgreSQL attaches its parser elsewhere');
  }
  connection.attachListeners = new Proxy(connection.attachListeners, {
    apply: (attach, self, [stream]: [Duplex]): unknown => {
      const listening = new Proxy(stream, {
        get: (target, name): unknown =>
          name === 'on'
            ? (event: string, listener: OnData) =>
                target.on(event, event === 'data' ? checked(target, listener) : listener)
            : Reflect.get(target, name),
      });
      return Reflect.apply(attach, self, [listening]);
    },
  });
};

/** Hands data on once the first message has been seen to be PostgreSQL's, and ends the stream where the parser gives up. */
const checked = (stream: Duplex, parse: OnData): OnData => {
  let first: Buffer | undefined = Buffer.alloc(0);
  return (chunk) => {
    let data = chunk;
    if (first !== undefined) {
      first = Buffer.concat([first, chunk]);
      if (!isGreeting(first)) {
        const quoted = JSON.stringify(first.toString('latin1', 0, QUOTED_BYTES));
        stream.destroy(terminated(`what answers is not PostgreSQL, and says ${quoted}`));
        return;
      }
      if (first.length < lengthOf(first)) return;
      data = first;
      first = undefined;
    }
    try {
      parse(data);
    } catch (error) {
      stream.destroy(terminated(`the answer cannot be read: ${messageOf(error)}`));
    }
  };
};

/** Length of the first message, header included; of one whose header has not arrived, that of the header. */
const lengthOf = (data: Buffer): number => (data.length < HEADER_BYTES ? HEADER_BYTES : 1 + data.readUInt32BE(1));

/** Whether a connection may begin with this data, as far as it has arrived. */
const isGreeting = (data: Buffer): boolean => {
  const most = MOST_BYTES.get(data[0]);
  if (most === undefined) return data.length === 0;
  if (data.length < HEADER_BYTES) return true;
  const bytes = lengthOf(data);
  if (bytes < 1 + LEAST_BYTES || bytes > 1 + most) return false;
  // An error ends with an empty field after the end of its last one.
  return data[0] !== CODES.error || data.length < bytes || data.readUInt16BE(bytes - 2) === 0;
};

/** As the driver says that a connection ended: see `DRIVER_MESSAGES` in postgres-outage.ts. */
const terminated = (what: string): Error => new Error(`Connection terminated: ${what}`);
