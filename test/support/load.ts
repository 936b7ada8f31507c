/** Clients that write without a pause, and one that searches without a pause and remembers all it saw. */
import type { Client } from '@elastic/elasticsearch';
import type { Task } from '../../services/task/task.ts';
import { call } from './pipeline.ts';
import type { ServiceProcess } from './process.ts';
import { creationOf, updateOf } from './sample.ts';

export interface WriteLoad {
  /** Acknowledged changes so far. */
  readonly writes: () => number;
  /** Tasks that somebody has asked to delete, answered or not. */
  readonly deleting: ReadonlySet<string>;
  /** Ends when the requests under way are answered. @throws when one was not answered as it should be */
  stop(): Promise<void>;
}

/** Creates, updates and deletes tasks over HTTP, beginning with those of `ids`. */
export const startWriteLoad = (api: ServiceProcess, ids: readonly string[], clients = 4): WriteLoad => {
  const open = [...ids];
  const deleting = new Set<string>();
  let writes = 0;
  let isStopping = false;

  const create = async (name: string): Promise<void> => {
    const { status, body } = await call(api, 'POST', '/tasks', creationOf(name));
    if (status !== 201) throw new Error(`POST answered ${status}`);
    open.push((body as { task: Task }).task.id);
  };
  const update = async (id: string, name: string): Promise<void> => {
    const { status } = await call(api, 'PUT', `/tasks/${id}`, updateOf(name));
    // Another client may have deleted it a moment ago.
    if (status !== 200 && !(status === 404 && deleting.has(id))) throw new Error(`PUT answered ${status}`);
  };
  const remove = async (position: number): Promise<void> => {
    const [id] = open.splice(position, 1);
    if (id === undefined) return;
    deleting.add(id);
    const { status } = await call(api, 'DELETE', `/tasks/${id}`);
    if (status !== 204) throw new Error(`DELETE answered ${status}`);
  };
  const client = async (number: number): Promise<void> => {
    for (let i = 0; !isStopping; i += 1) {
      const position = (i * 7_919 + number) % Math.max(1, open.length);
      const id = open[position];
      if (i % 5 === 0 || id === undefined) await create(`load ${number} ${i}`);
      else if (i % 5 === 4) await remove(position);
      else await update(id, `load ${number} ${i}`);
      writes += 1;
    }
  };
  const running = Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  // A failure is told by `stop`; until then it must not end the test run.
  running.catch(() => undefined);
  return {
    writes: () => writes,
    deleting,
    stop: async () => {
      isStopping = true;
      await running;
    },
  };
};

export interface SearchWatch {
  readonly searches: () => number;
  /** What a person at the search page would have seen go wrong. */
  readonly faults: () => readonly string[];
  stop(): Promise<void>;
}

/** Asks for all documents again and again: none that was seen may be missing later or be older, unless it is being deleted. */
export const watchSearch = (client: Client, alias: string, deleting: () => ReadonlySet<string>): SearchWatch => {
  const seen = new Map<string, number>();
  const faults: string[] = [];
  let searches = 0;
  let isStopping = false;
  const watch = async (): Promise<void> => {
    while (!isStopping) {
      let hits;
      try {
        ({ hits } = await client.search({ index: alias, size: 10_000, version: true, _source: false }));
      } catch (error) {
        faults.push(`a search failed: ${String(error)}`);
        continue;
      }
      searches += 1;
      const found = new Map(hits.hits.map(({ _id, _version }) => [String(_id), _version ?? 0]));
      for (const [id, version] of seen) {
        if (deleting().has(id)) continue;
        const now = found.get(id);
        if (now === undefined) faults.push(`search ${searches} does not find ${id}, which was seen before`);
        else if (now < version) faults.push(`search ${searches} finds ${id} in version ${now}, after ${version}`);
      }
      for (const [id, version] of found) seen.set(id, version);
    }
  };
  const running = watch();
  return {
    searches: () => searches,
    faults: () => faults,
    stop: async () => {
      isStopping = true;
      await running;
    },
  };
};
