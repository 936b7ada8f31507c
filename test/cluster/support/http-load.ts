/**
 * A script for `Client.start`: creates, changes, reads and now and then deletes tasks until its standard input ends, on
 * connections that are kept and busy, kept and idle most of the time as those of a proxy are, and new ones. Prints the
 * number of requests, and each failure.
 */
import { creationOf, searchFor, updateOf } from '../../support/sample.ts';

export interface HttpLoad {
  readonly requests: number;
  /** When it began and ended, what it was, and what became of it. */
  readonly failures: readonly string[];
}

export interface HttpLoadOptions {
  /** Least pause of each connection between two requests, in milliseconds; none unless given. */
  readonly pauseMs?: number;
  /** Whether it searches too. */
  readonly isSearching?: boolean;
}

/** A body in the text of a script: a string of JavaScript that is JSON. */
const quoted = (body: object): string => JSON.stringify(JSON.stringify(body));

export const httpLoad = (api: string, { pauseMs = 0, isSearching = false }: HttpLoadOptions = {}): string => `
  import { Agent, request } from 'node:http';
  const TIMEOUT_MS = 20_000;
  let running = true;
  process.stdin.on('end', () => { running = false; }).resume();
  const result = { requests: 0, failures: [] };
  const call = (agent, { method, path, body }) => new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(${JSON.stringify(api)} + path, { agent, method, headers }, (response) => {
      response.resume().on('end', () => resolve(response)).on('error', reject);
    });
    let connection = 'no connection';
    sent.on('socket', (socket) => {
      const describe = () => { connection = (sent.reusedSocket ? 'kept ' : 'new ') + socket.localPort; };
      if (socket.connecting) socket.once('connect', describe); else describe();
    });
    sent.setTimeout(TIMEOUT_MS, () => sent.destroy(new Error('no answer, ' + connection)));
    sent.on('error', reject).end(body);
  });
  const CHANGED = ${quoted(updateOf('changed under load'))};
  // One round: creates a task, and calls the others on its path.
  const CREATE = { method: 'POST', path: '/tasks', body: ${quoted(creationOf('under load'))}, expected: 201 };
  const callsOn = (path, turn) => [
    { method: 'GET', path: '/tasks?limit=1', expected: 200 },
    { method: 'PUT', path, body: CHANGED, expected: 200 },
    { method: 'GET', path, expected: 200 },
    ...(${isSearching} ? [{ method: 'POST', path: '/tasks/search', body: ${quoted(searchFor('load'))}, expected: 200 }] : []),
    ...(turn % 5 === 0 ? [{ method: 'DELETE', path, expected: 204 }] : []),
  ];
  const clock = () => new Date().toISOString().slice(11, 23);
  const worker = async (agent, pauseMs) => {
    const ask = async ({ expected, ...next }) => {
      const began = clock();
      const { statusCode, headers } = await call(agent, next).catch((error) => ({ statusCode: error.message }));
      result.requests += 1;
      if (statusCode !== expected) result.failures.push([began, clock(), next.method, next.path, statusCode].join(' '));
      const totalMs = ${pauseMs} + pauseMs;
      if (totalMs > 0) await new Promise((resolve) => setTimeout(resolve, totalMs));
      return headers?.location;
    };
    for (let turn = 0; running; turn += 1) {
      const path = await ask(CREATE);
      if (path !== undefined) for (const next of callsOn(path, turn)) await ask(next);
    }
    agent.destroy();
  };
  const kept = () => new Agent({ keepAlive: true, maxSockets: 1 });
  await Promise.all([
    ...Array.from({ length: 8 }, () => worker(kept(), 0)),
    ...Array.from({ length: 8 }, (_, index) => worker(kept(), 5 + 3 * index)),
    ...Array.from({ length: 4 }, () => worker(new Agent({ keepAlive: false }), 10)),
  ]);
  console.log(JSON.stringify(result));`;
