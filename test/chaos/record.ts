/**
 * What is left of a run that broke a promise: what was broken, the history of the clients, the services' logs, and what they
 * say of themselves at the end.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { History } from './history.ts';
import { describePlan } from './plan.ts';
import type { RunOptions } from './run.ts';
import type { ServiceProcess } from '../support/process.ts';
import type { World } from './world.ts';

export const saveRecord = async (
  { seed, plan, recordFolder }: Pick<RunOptions, 'seed' | 'plan' | 'recordFolder'>,
  { apis, indexers }: Pick<World, 'apis' | 'indexers'>,
  history: History,
  broken: readonly string[],
): Promise<void> => {
  const folder = join(recordFolder, `seed-${seed}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'broken.txt'), [describePlan(plan), ...broken, ''].join('\n'));
  writeFileSync(join(folder, 'history.ndjson'), history.entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  for (const [name, services] of Object.entries({ api: apis, indexer: indexers })) {
    for (const service of services) {
      writeFileSync(join(folder, `${name}-${service.pid}.log`), service.logs());
      writeFileSync(join(folder, `${name}-${service.pid}.state.txt`), await stateOf(service));
    }
  }
};

const stateOf = async ({ healthUrl }: ServiceProcess): Promise<string> => {
  const answers = ['readyz', 'livez', 'metrics'].map(async (path) => {
    const response = await fetch(`${healthUrl}/${path}`, { signal: AbortSignal.timeout(5_000) });
    return `${path}: ${response.status} ${await response.text()}`;
  });
  const settled = await Promise.allSettled(answers);
  return settled.map((each) => (each.status === 'fulfilled' ? each.value : String(each.reason))).join('\n');
};
