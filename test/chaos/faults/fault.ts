/** Something that goes wrong, and is over when `inject` returns. */
import { setTimeout as sleep } from 'node:timers/promises';
import { killProcess, type ServiceProcess } from '../../support/process.ts';
import type { Random } from '../random.ts';
import type { ServerKind, World } from '../world.ts';

export interface Fault {
  /** What its file is called. */
  readonly name: string;
  /** Nothing may be delivered twice because of it. */
  readonly graceful: boolean;
  /** @returns how many poison events it put into the topic, if any */
  readonly inject: (world: World, random: Random) => Promise<number | undefined>;
}

/** SIGKILL to one of them, and a new one. */
export const killOneOf = async (
  list: ServiceProcess[],
  victim: ServiceProcess,
  start: () => Promise<void>,
): Promise<void> => {
  list.splice(list.indexOf(victim), 1);
  await killProcess(victim);
  await start();
};

/** SIGSTOP, and after `forMs` SIGCONT. */
export const pauseServer = async ({ servers }: World, kind: ServerKind, forMs: number): Promise<void> => {
  const pid = servers.pidOf(kind);
  process.kill(pid, 'SIGSTOP');
  await sleep(forMs);
  process.kill(pid, 'SIGCONT');
};
