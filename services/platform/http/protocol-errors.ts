/**
 * Problem details for what never becomes a request of the application: bytes that are not HTTP, headers that are too
 * large or too slow, a request without a host or for no path, an encoding or an expectation that nobody here knows.
 * Node and the adapter answer these themselves, with an empty body, or take them for what they are not.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { RequestError } from '@hono/node-server';

interface Problem {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

export const REQUEST_TIMEOUT: Problem = {
  status: 408,
  title: 'Request Timeout',
  detail: 'The request did not arrive in time.',
};

/** By the codes of Node's HTTP parser and server. */
const PROBLEMS: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    title: 'Request Header Fields Too Large',
    detail: 'Request line and headers may have 16 KiB together.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: REQUEST_TIMEOUT,
};
/** How long a refused peer may take to read why, in milliseconds. */
const LAST_WORDS_MS = 1_000;

const MALFORMED: Problem = { status: 400, title: 'Bad Request', detail: 'The request is not valid HTTP/1.1.' };

const EXPECTATION_FAILED: Problem = {
  status: 417,
  title: 'Expectation Failed',
  detail: 'The only expectation that is met is 100-continue.',
};
const NO_PROXY: Problem = { status: 405, title: 'Method Not Allowed', detail: 'This server is no proxy.' };

/** Answers errors of the HTTP protocol on `server` and closes their connection, of which nothing more can be understood. */
export const answerProtocolErrors = (server: Server): void => {
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    respond(response, EXPECTATION_FAILED);
  });
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    refuse(socket, NO_PROXY);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    // A peer that is gone cannot be told anything.
    if (error.code === 'ECONNRESET') socket.destroy();
    else refuse(socket, PROBLEMS[error.code ?? ''] ?? MALFORMED);
  });
};

/** What is wrong with a request that Node's parser lets through, if anything. */
export const faultOf = ({ headersDistinct, httpVersion, url = '' }: IncomingMessage): Problem | undefined => {
  const { host, 'transfer-encoding': encodings } = headersDistinct;
  // HTTP/1.0 knows no hosts. Two of them are how one server is made to see another request than the next.
  if (host === undefined ? httpVersion !== '1.0' : host.length !== 1) {
    return { ...MALFORMED, detail: 'The request must have one Host header.' };
  }
  if (encodings !== undefined && encodings.join().trim().toLowerCase() !== 'chunked') {
    return {
      status: 501,
      title: 'Not Implemented',
      detail: 'The only Transfer-Encoding that is understood is chunked.',
    };
  }
  if (url === '*') return { status: 404, title: 'Not Found', detail: 'There is nothing at *; see /docs.' };
  return undefined;
};

/** What the adapter throws for a host or a path that makes no URL; anything else is a fault of ours. */
export const problemOf = (error: unknown): Problem =>
  error instanceof RequestError
    ? { ...MALFORMED, detail: `The request is not valid: ${error.message}.` }
    : { status: 500, title: 'Internal Server Error', detail: 'Something went wrong on our side.' };

const bodyOf = ({ status, title, detail }: Problem): string =>
  JSON.stringify({ type: 'about:blank', title, status, detail, error: detail });

const headersOf = (body: string) => ({
  'content-type': 'application/problem+json',
  'content-length': String(Buffer.byteLength(body)),
  connection: 'close',
});

export const toResponse = (problem: Problem): Response => {
  const body = bodyOf(problem);
  return new Response(body, { status: problem.status, headers: headersOf(body) });
};

/** Answers, and ends the connection, as a body that may follow is not read. */
export const respond = (response: ServerResponse, problem: Problem): void => {
  const body = bodyOf(problem);
  response.writeHead(problem.status, headersOf(body)).end(body);
};

/** Writes an answer past Node's own, and ends the connection; only ends it where an answer is half written. */
export const refuse = (socket: Duplex, problem: Problem): void => {
  if (!socket.writable || hasAnswerUnderWay(socket)) {
    socket.destroy();
    return;
  }
  const body = bodyOf(problem);
  const answer = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    ...Object.entries(headersOf(body)).map(([name, value]) => `${name}: ${value}`),
    '',
    body,
  ].join('\r\n');
  socket.end(answer);
  // The peer has a moment to read it: what it sent and nobody reads would make an end at once a reset, without an answer.
  setTimeout(() => socket.destroy(), LAST_WORDS_MS).unref();
};

/**
 * Whether an answer of this connection is half written, or a request that came whole is still at work: the peer would take the
 * refusal of what came behind it for its answer, though what it asked for may be done.
 */
const hasAnswerUnderWay = (socket: Duplex): boolean => {
  const message = '_httpMessage' in socket ? (socket._httpMessage as Partial<ServerResponse> | null) : null;
  return message?.headersSent === true || message?.req?.complete === true;
};
