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

/** By the codes of Node's HTTP parser and server. */
const PROBLEMS: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    title: 'Request Header Fields Too Large',
    detail: 'Request line and headers may have 16 KiB together.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    title: 'Request Timeout',
    detail: 'The request did not arrive in time.',
  },
};
const MALFORMED: Problem = { status: 400, title: 'Bad Request', detail: 'The request is not valid HTTP/1.1.' };

/** Answers errors of the HTTP protocol on `server`, a node:http Server, and closes their connection, of which nothing more can be understood. */
export const answerProtocolErrors = (server: EventEmitter): void => {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    // A peer that is gone, or one that is in the middle of an answer, cannot be told anything.
    if (error.code === 'ECONNRESET' || !socket.writable || hasAnswerUnderWay(socket)) {
      socket.destroy();
      return;
    }
    const { status, title, detail } = PROBLEMS[error.code ?? ''] ?? MALFORMED;
    const body = JSON.stringify({ type: 'about:blank', title, status, detail, error: detail });
    socket.end(
      [
        `HTTP/1.1 ${status} ${title}`,
        'content-type: application/problem+json',
        `content-length: ${Buffer.byteLength(body)}`,
        'connection: close',
        '',
        body,
      ].join('\r\n'),
    );
  });
};

/** Whether headers of an answer to an earlier request were sent on this connection, and the answer is not complete. */
const hasAnswerUnderWay = (socket: Duplex): boolean =>
  '_httpMessage' in socket && (socket._httpMessage as { headersSent?: boolean } | null)?.headersSent === true;
