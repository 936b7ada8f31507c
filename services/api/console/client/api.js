/**
 * The public HTTP API, as any other client uses it.
 * @typedef {{ start: string | null, due: string | null }} Dates
 * @typedef {Record<string, any>} TaskFields by name, as the list of fields has them
 * @typedef {{ id: string, description: string, priority: string, dates: Dates, isDone: boolean, version: number, createdAt: string, updatedAt: string }} Task
 * @typedef {{ description?: string, isDone?: boolean, priority?: string, tags?: string[], overdue?: boolean }} Conditions
 */
import { endSession } from './session.js';

/** An answer that is no success, in words. */
export class ApiProblem extends Error {
  /**
   * @param {string} message
   * @param {number} status 0 when no answer came
   * @param {string} code
   * @param {number} waitMs how long the API asks to wait
   */
  constructor(message, status, code, waitMs = 0) {
    super(message);
    this.status = status;
    this.code = code;
    this.waitMs = waitMs;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>} the answer's JSON
 * @throws {ApiProblem}
 */
const request = async (method, path, body, headers = {}) => {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
  } catch {
    throw new ApiProblem('The API cannot be reached. Try again.', 0, 'unreachable');
  }
  if (response.status === 204) return undefined;
  const answer = await response.json().catch(() => undefined);
  if (response.ok && answer !== undefined) return answer;
  const hasEnded = response.status === 401;
  if (hasEnded) endSession();
  const wait = response.headers.get('retry-after');
  const detail = typeof answer?.detail === 'string' ? answer.detail : `The API answered ${response.status}.`;
  const words = [
    hasEnded ? 'The session has ended. Your input is still here: log in again, then repeat it.' : detail,
    response.status === 429 && wait !== null ? `It asks to wait ${wait} s.` : '',
  ];
  // A date, which the API does not give, counts as nothing.
  const waitMs = 1_000 * (Number(wait) || 0);
  throw new ApiProblem(words.filter(Boolean).join(' '), response.status, String(answer?.code ?? ''), waitMs);
};

/** @param {number} version */
const ifMatch = (version) => ({ 'if-match': `"${version}"` });

/** A key for one thing that is to be done once. `crypto.randomUUID` is missing on pages without TLS. */
export const newKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

export const api = {
  /** @param {TaskFields} fields @param {string} key @returns {Promise<Task>} */
  create: async (fields, key) => (await request('POST', '/tasks', fields, { 'idempotency-key': key })).task,

  /** @param {string} id @returns {Promise<Task>} */
  read: async (id) => (await request('GET', `/tasks/${id}`)).task,

  /** @param {Task} task as it was read @param {TaskFields} fields @returns {Promise<Task>} */
  update: async ({ id, version }, fields) => (await request('PUT', `/tasks/${id}`, fields, ifMatch(version))).task,

  /** @param {Task} task as it was read @returns {Promise<void>} */
  delete: ({ id, version }) => request('DELETE', `/tasks/${id}`, undefined, ifMatch(version)),

  /** @param {string | null} cursor @param {number} [limit] @returns {Promise<{ tasks: Task[], nextCursor: string | null }>} */
  list: (cursor, limit = 10) =>
    request('GET', `/tasks?limit=${limit}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`),

  /**
   * @param {Conditions} conditions
   * @param {string | null} cursor
   * @returns {Promise<{ tasks: Task[], nextCursor: string | null, total: number }>}
   */
  search: (conditions, cursor) =>
    request('POST', '/tasks/search', { ...conditions, size: 10, ...(cursor === null ? {} : { cursor }) }),
};

/** What the console alone asks. */
export const consoleApi = {
  /** @param {string} path @returns {Promise<any>} */
  read: (path) => request('GET', path),

  /** @param {string} path @returns {Promise<any>} */
  write: (path) => request('POST', path, {}),
};
