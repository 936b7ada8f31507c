import { Hono } from 'hono';
import { expect, it } from 'vitest';
import type { ApiEnv } from '../../services/platform/http/api-env.ts';
import { limitBody } from '../../services/platform/http/middleware/limit-body.ts';
import { toProblemResponse } from '../../services/platform/http/problem.ts';

it('refuses a request while the bodies of those that wait hold as much as they may, and takes the next ones', async () => {
  let answer: () => void = () => undefined;
  const server = new Promise<void>((resolve) => (answer = resolve));
  const app = new Hono<ApiEnv>().onError(toProblemResponse);
  app.use(limitBody(60, 100));
  app.all('/', async (c) => {
    await server;
    return c.body(null, 201);
  });
  const get = async () => app.request('/');
  const post = async (length: number) =>
    app.request('/', { method: 'POST', headers: { 'content-length': String(length) }, body: 'x'.repeat(length) });

  const waiting = [post(60), post(40), get()];
  const refused = await post(1);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  answer();
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([201, 201, 201]);
  expect((await post(60)).status).toBe(201);
});
