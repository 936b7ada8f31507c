import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hangUp, startLoneApi, type LoneApi } from '../support/lone-api.ts';
import { waitFor } from '../support/wait.ts';

let api: LoneApi;
beforeAll(async () => {
  api = await startLoneApi();
});
afterAll(() => api.close());

const HEAD = 'POST /tasks HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';

describe('a client that hangs up', () => {
  it.each([
    ['of unknown length', `${HEAD}transfer-encoding: chunked\r\n\r\n5\r\n{"des\r\n`],
    ['of a length that it said', `${HEAD}content-length: 100\r\n\r\n{"des`],
  ])('in the middle of a body %s is 499, and no error of ours', async (_, bytes) => {
    const before = (await api.statuses())['499'] ?? 0;
    const logged = api.lines.length;
    await Promise.all(Array.from({ length: 20 }, () => hangUp(api.port, bytes, 50)));
    await waitFor('20 to be counted', async () => ((await api.statuses())['499'] ?? 0) === before + 20);
    expect(Object.keys(await api.statuses())).toEqual(['499']);
    expect(api.lines.slice(logged).map(({ level, status }) => [level, status])).toEqual(
      Array.from({ length: 20 }, () => [30, 499]),
    );
  });

  it('hides no outage: a database that is away is still 503 for whoever waits', async () => {
    const answer = await fetch(`${api.url}/tasks`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'database_unavailable' });
    expect(api.lines.at(-1)).toMatchObject({ level: 50, status: 503 });
  });
});
