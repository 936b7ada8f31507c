/** A client pages through search while others write: it sees each task that nobody changed exactly once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { hasEnded } from '../../support/process.ts';
import type { Random } from '../random.ts';
import type { World } from '../world.ts';
import type { Fault } from './fault.ts';
import { searchFor } from '../../support/sample.ts';

const PAGE = 10;
const MOST_PAGES = 60;
const TIMEOUT_MS = 5_000;
const GIVE_UP_MS = 60_000;

interface Page {
  readonly tasks: readonly { readonly id: string }[];
  readonly nextCursor: string | null;
}

/** Through any replica, again and again while the answer is that it cannot be had now. */
const search = async ({ apis }: World, random: Random, body: object): Promise<Page> => {
  const until = performance.now() + GIVE_UP_MS;
  for (;;) {
    const api = random.pick(apis.filter((candidate) => !hasEnded(candidate)));
    const response = await fetch(`http://127.0.0.1:${api.proxy.port}/tasks/search`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch(() => undefined);
    if (response?.status === 200) return (await response.json()) as Page;
    const { status } = response ?? {};
    if (performance.now() > until || (status !== undefined && status < 500 && status !== 429)) {
      throw new Error(`a search by cursor was answered ${status ?? 'not at all'}`);
    }
    await sleep(100);
  }
};

export const pageWhileWriting: Fault = {
  name: 'page-while-writing',
  graceful: true,
  touches: ['elasticsearch', 'index'],
  inject: async (world, random) => {
    const query = random.chance(50) ? {} : searchFor('task');
    const before = await world.index.versions();
    const seen = new Map<string, number>();
    let cursor: string | null = null;
    let pages = 0;
    do {
      const page: Page = await search(world, random, { ...query, size: PAGE, ...(cursor === null ? {} : { cursor }) });
      for (const { id } of page.tasks) seen.set(id, (seen.get(id) ?? 0) + 1);
      cursor = page.nextCursor;
      pages += 1;
    } while (cursor !== null && pages < MOST_PAGES);
    const after = await world.index.versions();
    const unchanged = [...before].flatMap(([id, version]) => (after.get(id) === version ? [id] : []));
    const wrong = unchanged.filter((id) => (seen.get(id) ?? 0) > 1 || (cursor === null && !seen.has(id)));
    if (wrong.length > 0) {
      throw new Error(
        `of ${unchanged.length} unchanged tasks, ${wrong.length} were not seen exactly once in ${pages} pages: ` +
          wrong
            .slice(0, 5)
            .map((id) => `${id} ${seen.get(id) ?? 0} times`)
            .join(', '),
      );
    }
  },
};
