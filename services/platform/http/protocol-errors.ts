/**
 * Problem details for what never becomes a request: bytes that are not HTTP, headers that are too large or too slow.
 * Node answers these itself, with an empty body, unless somebody listens.
 */
import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';

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

/** Answers errors of the HTTP protocol on `server`, a node:http Server, and closes their connection, of which nothing more can be understood. */
export const answerProtocolErrors = (server: EventEmitter): void => {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    // A peer that is gone cannot be told anything.
    if (error.code === 'ECONNRESET') socket.destroy();
    else refuse(socket, PROBLEMS[error.code ?? ''] ?? MALFORMED);
  });
};

/** Writes an answer past Node's own, and ends the connection; only ends it where an answer is half written. */
export const refuse = (socket: Duplex, { status, title, detail }: Problem): void => {
  if (!socket.writable || hasAnswerUnderWay(socket)) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify({ type: 'about:blank', title, status, detail, error: detail });
  const answer = [
    `HTTP/1.1 ${status} ${title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
  socket.end(answer);
  // The peer has a moment to read it: what it sent and nobody reads would make an end at once a reset, without an answer.
  setTimeout(() => socket.destroy(), LAST_WORDS_MS).unref();
};

/** Whether headers of an answer to an earlier request were sent on this connection, and the answer is not complete. */
const hasAnswerUnderWay = (socket: Duplex): boolean =>
  '_httpMessage' in socket && (socket._httpMessage as { headersSent?: boolean } | null)?.headersSent === true;
