/**
 * A script for `Client.start`: calls the API until its standard input ends, on connections that are kept and busy, kept
 * and idle most of the time as those of a proxy are, and new ones. Prints the number of requests, and each failure.
 */
export interface HttpLoad {
  readonly requests: number;
  /** When it began and ended, what it was, and what became of it. */
  readonly failures: readonly string[];
}

export const httpLoad = (api: string): string => `
  import { Agent, request } from 'node:http';
  const TIMEOUT_MS = 20_000;
  let running = true;
  process.stdin.on('end', () => { running = false; }).resume();
  const result = { requests: 0, failures: [] };
  const call = (agent, { method, path, body }) => new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(${JSON.stringify(api)} + path, { agent, method, headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode)).on('error', reject);
    });
    let connection = 'no connection';
    sent.on('socket', (socket) => {
      const describe = () => { connection = (sent.reusedSocket ? 'kept ' : 'new ') + socket.localPort; };
      if (socket.connecting) socket.once('connect', describe); else describe();
    });
    sent.setTimeout(TIMEOUT_MS, () => sent.destroy(new Error('no answer, ' + connection)));
    sent.on('error', reject).end(body);
  });
  const CALLS = [
    { method: 'POST', path: '/tasks', body: JSON.stringify({ description: 'under load' }), expected: 201 },
    { method: 'GET', path: '/tasks?limit=1', expected: 200 },
  ];
  const clock = () => new Date().toISOString().slice(11, 23);
  const worker = async (agent, pauseMs) => {
    for (let turn = 0; running; turn += 1) {
      const { expected, ...next } = CALLS[turn % CALLS.length];
      const began = clock();
      const outcome = await call(agent, next).catch((error) => error.message);
      result.requests += 1;
      if (outcome !== expected) result.failures.push([began, clock(), next.method, outcome].join(' '));
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
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
