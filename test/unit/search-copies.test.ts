import { Client } from '@elastic/elasticsearch';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createCopies, type Choice, type Sending } from '../../services/pipeline/index/copies.ts';

const TIMEOUT_MS = 5_000;
const PART_MS = TIMEOUT_MS / 5;
const NODES = ['a', 'b', 'c', 'd', 'e'];

let requests: (Choice & { readonly query: string })[];
let open: number;
let most: number;
/** What is answered at once; all else is not before its time is over. */
let answers: (choice: Choice) => boolean;
let ask: (query: string) => Promise<string>;

const send =
  (query: string) =>
  (choice: Choice, { requestTimeout, signal }: Sending): Promise<string> => {
    requests.push({ ...choice, query });
    if (answers(choice)) return Promise.resolve(choice.preference ?? 'its own');
    open += 1;
    most = Math.max(most, open);
    return new Promise((_, reject) => {
      const fail = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', fail);
        open -= 1;
        reject(new Error(`no answer for ${query}`));
      };
      const timer = setTimeout(fail, requestTimeout);
      signal.addEventListener('abort', fail, { once: true });
    });
  };

const createAsk = (nodes: unknown): void => {
  const client = new Client({ node: 'http://127.0.0.1:1' });
  vi.spyOn(client, 'searchShards').mockResolvedValue({ nodes } as never);
  const copies = createCopies({ client, alias: 'tasks', timeoutMs: TIMEOUT_MS });
  ask = (query) => copies(query, send(query));
};

const settle = (searches: readonly Promise<string>[]) => Promise.allSettled(searches);
const without = (node: string) => ({
  preference: `_prefer_nodes:${NODES.filter((other) => other !== node).join()}`,
});

beforeEach(() => {
  vi.useFakeTimers();
  [requests, open, most] = [[], 0, 0];
  createAsk(Object.fromEntries(NODES.map((node) => [node, {}])));
});
afterEach(() => {
  vi.useRealTimers();
});

it('sends a search once that is answered in time, to the copies of its query', async () => {
  answers = () => true;
  expect(await ask('one')).toBe('query-one');
  expect(requests).toEqual([{ query: 'one', preference: 'query-one' }]);
});

it('leaves the node out that stands still, whichever it is, and begins with that for a minute', async () => {
  answers = ({ preference }) => preference === without('e').preference;
  const searches = settle(Array.from({ length: 30 }, (_, n) => ask(`early ${n}`)));
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS);
  await searches;
  const later = settle(Array.from({ length: 30 }, (_, n) => ask(`later ${n}`)));
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS);
  expect((await later).map(({ status }) => status)).toEqual(Array.from({ length: 30 }, () => 'fulfilled'));
  requests = [];
  expect(await ask('much later')).toBe(without('e').preference);
  expect(requests).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(60_000);
  answers = () => true;
  expect(await ask('after a minute')).toBe('query-after a minute');
});

it('gives servers that are only slow one search more at a time', async () => {
  answers = () => false;
  const searches = settle(Array.from({ length: 50 }, (_, n) => ask(`${n}`)));
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS);
  expect((await searches).map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 'rejected'));
  expect([requests.length, most, open]).toEqual([54, 51, 0]);
});

it('sends those that wait to what another one was answered by, each once', async () => {
  answers = ({ preference }) => preference === undefined;
  const searches = settle(Array.from({ length: 10 }, (_, n) => ask(`${n}`)));
  await vi.advanceTimersByTimeAsync(2 * PART_MS);
  expect((await searches).map((result) => ('value' in result ? result.value : result.status))).toEqual(
    Array.from({ length: 10 }, () => 'its own'),
  );
  expect(requests).toHaveLength(20);
});

it('fails with what the first request failed with, and has Elasticsearch choose where nobody says which nodes there are', async () => {
  createAsk(undefined);
  answers = () => false;
  const failed = expect(ask('one')).rejects.toThrow('no answer for one');
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS);
  await failed;
  expect(requests.slice(1)).toEqual(Array.from({ length: 4 }, () => ({ query: 'one' })));
});
