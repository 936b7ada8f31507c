import { errors } from '@elastic/elasticsearch';
import { DatabaseError } from 'pg';
import { describe, expect, it } from 'vitest';
import { ForeignAnswerError } from '../../services/platform/elasticsearch-answer.ts';
import { TaskstreamError } from '../../services/platform/errors.ts';
import { isTransient, retry } from '../../services/platform/retry.ts';

const backoff = { baseMs: 1, maxMs: 2 };

/** Fails so many times, then returns the number of its attempt. */
const failing =
  (times: number, error: Error = new Error('away')) =>
  (attempt: number): Promise<number> =>
    attempt <= times ? Promise.reject(error) : Promise.resolve(attempt);

describe('retry', () => {
  it('repeats what is retriable, and reports each failure before it waits', async () => {
    const reported: number[] = [];
    const onRetry = (_error: unknown, attempts: number) => reported.push(attempts);
    expect(await retry(failing(3), { backoff, isRetriable: () => true, onRetry })).toBe(4);
    expect(reported).toEqual([1, 2, 3]);
  });

  it('ends at once with an error that a repetition would only repeat', async () => {
    const reported: unknown[] = [];
    await expect(retry(failing(1), { backoff, onRetry: (error) => reported.push(error) })).rejects.toThrow('away');
    expect(reported).toEqual([]);
  });

  it('ends with the last error when the attempts or the time are used up', async () => {
    const attempts: number[] = [];
    const work = (attempt: number): Promise<never> => {
      attempts.push(attempt);
      return Promise.reject(new Error(`attempt ${attempt}`));
    };
    const isRetriable = () => true;
    await expect(retry(work, { backoff, isRetriable, maxAttempts: 3 })).rejects.toThrow('attempt 3');
    expect(attempts).toEqual([1, 2, 3]);
    await expect(retry(work, { backoff, isRetriable, deadlineMs: -1 })).rejects.toThrow('attempt 1');
  });

  it('does not begin another attempt once its signal has aborted', async () => {
    const stop = new AbortController();
    const work = (attempt: number): Promise<never> => {
      if (attempt === 2) stop.abort();
      return Promise.reject(new Error(`attempt ${attempt}`));
    };
    const options = { backoff, isRetriable: () => true, signal: stop.signal };
    await expect(retry(work, options)).rejects.toThrow('attempt 2');
    const waiting = retry(failing(9), {
      ...options,
      signal: AbortSignal.timeout(20),
      backoff: { baseMs: 60_000, maxMs: 60_000 },
    });
    await expect(waiting).rejects.toThrow('away');
  });
});

describe('a transient error', () => {
  const meta = { body: {}, headers: {}, warnings: null, meta: {} };
  const answered = (statusCode: number) => new errors.ResponseError({ ...meta, statusCode } as never);

  it('is an outage of a server, or says so itself', () => {
    for (const error of [
      answered(429),
      answered(503),
      new errors.ConnectionError('refused'),
      new errors.TimeoutError('late'),
      new ForeignAnswerError('HTTP 302 (text/html)'),
      Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
      Object.assign(new DatabaseError('terminating connection', 0, 'error'), { code: '57P01' }),
      new TaskstreamError('search_unavailable', 'a shard is away', { retriable: true }),
    ])
      expect(isTransient(error), error.message).toBe(true);
  });

  it('is no wrong request and no fault of the code', () => {
    for (const error of [
      answered(400),
      answered(404),
      Object.assign(new DatabaseError('syntax error', 0, 'error'), { code: '42601' }),
      new TaskstreamError('invalid_configuration', 'no such topic'),
      new TypeError('undefined is not a function'),
    ])
      expect(isTransient(error), error.message).toBe(false);
  });
});
