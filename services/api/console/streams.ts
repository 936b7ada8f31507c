/**
 * Server-sent events: a bounded number of open streams, each with heartbeats, all of which can be ended at once.
 * A browser that does not read is let go, and comes back: what it missed would only fill memory here.
 */
import { TaskstreamError } from '../../platform/errors.ts';

export interface EventStream {
  readonly response: Response;
  /** Aborts when either side has ended the stream. */
  readonly signal: AbortSignal;
  readonly send: (event: string, data: unknown) => void;
  /** Whether the browser reads about as fast as is sent: what may be left out should be, otherwise. */
  readonly keepsUp: () => boolean;
  readonly end: () => void;
}

export interface Streams {
  /** @throws TaskstreamError `console_unavailable` when there are too many, of this client or of all, or the process stops */
  readonly open: (client: string) => EventStream;
  /** Ends all, and opens none any more. */
  readonly endAll: () => void;
}

export interface StreamsOptions {
  readonly most: number;
  /** So that one client cannot take them all. */
  readonly mostPerClient: number;
  /** Proxies cut connections on which nothing moves. */
  readonly heartbeatMs: number;
}

/** Events that may wait for a browser to read them. */
const MAX_UNREAD = 64;

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  // nginx and what speaks its language must not gather the events.
  'x-accel-buffering': 'no',
};

export const createStreams = ({ most, mostPerClient, heartbeatMs }: StreamsOptions): Streams => {
  /** Each with its client. */
  const streams = new Map<EventStream, string>();
  let ended = false;
  return {
    open: (client) => {
      if (ended) throw unavailable('This server stops; another one answers shortly.');
      if (streams.size >= most) throw unavailable(`There are ${most} streams open already; close a console.`);
      const own = [...streams.values()].filter((other) => other === client).length;
      if (own >= mostPerClient) throw unavailable(`You have ${own} streams open already; close a console.`);
      const stream = openStream(heartbeatMs);
      streams.set(stream, client);
      stream.signal.addEventListener('abort', () => {
        streams.delete(stream);
      });
      return stream;
    },
    endAll: () => {
      ended = true;
      for (const stream of streams.keys()) stream.end();
    },
  };
};

const unavailable = (message: string): TaskstreamError =>
  new TaskstreamError('console_unavailable', message, { retriable: true });

const openStream = (heartbeatMs: number): EventStream => {
  const encoder = new TextEncoder();
  const gone = new AbortController();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      start: (given) => {
        controller = given;
      },
      cancel: () => {
        gone.abort();
      },
    },
    { highWaterMark: MAX_UNREAD },
  );
  const end = (): void => {
    if (gone.signal.aborted) return;
    gone.abort();
    controller?.close();
  };
  const write = (text: string): void => {
    if (gone.signal.aborted) return;
    if ((controller?.desiredSize ?? 0) <= 0) {
      end();
      return;
    }
    controller?.enqueue(encoder.encode(text));
  };
  const heartbeat = setInterval(() => {
    write(': still here\n\n');
  }, heartbeatMs);
  gone.signal.addEventListener('abort', () => {
    clearInterval(heartbeat);
  });
  // The first bytes let the browser know at once that it is connected.
  write('retry: 1000\n\n');
  return {
    response: new Response(body, { headers: HEADERS }),
    signal: gone.signal,
    send: (event, data) => {
      write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    },
    keepsUp: () => (controller?.desiredSize ?? 0) > MAX_UNREAD / 2,
    end,
  };
};
