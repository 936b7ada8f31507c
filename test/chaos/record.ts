/** What is left of a run that broke a promise: what was broken, the history of the clients, and the services' logs. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { History } from './history.ts';
import { describePlan } from './plan.ts';
import type { RunOptions } from './run.ts';
import type { World } from './world.ts';

export const saveRecord = (
  { seed, plan, recordFolder }: Pick<RunOptions, 'seed' | 'plan' | 'recordFolder'>,
  { apis, indexers }: Pick<World, 'apis' | 'indexers'>,
  history: History,
  broken: readonly string[],
): void => {
  const folder = join(recordFolder, `seed-${seed}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'broken.txt'), [describePlan(plan), ...broken, ''].join('\n'));
  writeFileSync(join(folder, 'history.ndjson'), history.entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  for (const [name, services] of Object.entries({ api: apis, indexer: indexers })) {
    for (const service of services) writeFileSync(join(folder, `${name}-${service.pid}.log`), service.logs());
  }
};
