/** Something that goes wrong, and is over when `inject` returns. */
import { setTimeout as sleep } from 'node:timers/promises';
import { killProcess, stopProcess, type ServiceProcess } from '../../support/process.ts';
import type { History } from '../history.ts';
import type { Random } from '../random.ts';
import type { ServerKind } from '../servers.ts';
import type { Api, World } from '../world.ts';

/** What a fault lays hands on; two that share nothing may happen at the same time. */
export type Part = ServerKind | 'apis' | 'indexers' | 'links' | 'index' | 'topic' | 'clock';

export interface Fault {
  /** What its file is called. */
  readonly name: string;
  /** Nothing may be delivered twice because of it. */
  readonly graceful: boolean;
  readonly touches: readonly Part[];
  /** The checker asks less where it happens, so that it is the only one of its run. */
  readonly isAlone?: boolean;
  /** Settings that it needs of the topic, which a topic has from its creation. */
  readonly topicConfig?: Readonly<Record<string, string>>;
  /** Settings that it needs of the services. */
  readonly serviceEnv?: Readonly<Record<string, string>>;
  /** True when the run's topics are to be spread over two brokers. */
  readonly hasTwoBrokers?: boolean;
  /** True when it is one of a disk, which not every machine can break. */
  readonly breaksDisk?: boolean;
  /** @throws when the product did not take it as it should */
  readonly inject: (world: World, random: Random, history: History) => Promise<void>;
}

/** Settings of the command line, past all proxies. */
export const opsEnv = ({ servers, database, topics, index, group }: World): Readonly<Record<string, string>> => ({
  DATABASE_URL: database.url,
  KAFKA_BROKERS: servers.urls.kafka,
  ELASTICSEARCH_URL: servers.urls.elasticsearch,
  TASKS_TOPIC: topics.tasks,
  DEAD_LETTER_TOPIC: topics.deadLetters,
  TASK_INDEX: index.alias,
  CONSUMER_GROUP: group,
  LOG_LEVEL: 'warn',
});

/** SIGKILL to one of them, and a new one. */
export const killOneOf = async <S extends ServiceProcess>(
  list: S[],
  victim: S,
  start: () => Promise<void>,
): Promise<void> => {
  list.splice(list.indexOf(victim), 1);
  await killProcess(victim);
  await start();
};

/**
 * `count` more of them, until `meanwhile` has resolved.
 * @returns those that came, which are out of the list then: the caller ends them
 */
export const addSome = async <S extends ServiceProcess>(
  list: S[],
  count: number,
  start: () => Promise<void>,
  meanwhile: (added: readonly S[]) => Promise<void> = () => Promise.resolve(),
): Promise<S[]> => {
  const before = list.length;
  await Promise.all(Array.from({ length: count }, start));
  await meanwhile(list.slice(before));
  return list.splice(before);
};

/**
 * SIGTERM to all of them.
 * @throws when one did not end with 0
 */
export const stopGracefully = async (services: readonly ServiceProcess[]): Promise<void> => {
  await Promise.all(
    services.map(async (service) => {
      const { code } = await stopProcess(service);
      if (code !== 0) throw new Error(`a graceful stop ended with ${code}: ${service.logs().slice(-2_000)}`);
    }),
  );
};

/** One of the APIs whose relay is active; any where none says so. */
export const activeRelay = async ({ apis }: Pick<World, 'apis'>, random: Random): Promise<Api> => {
  const flags = await Promise.all(apis.map((api) => api.metric('taskstream_relay_leader').catch(() => 0)));
  const active = apis.filter((_, index) => flags[index] === 1);
  return random.pick(active.length > 0 ? active : apis);
};

/** SIGSTOP, and after `forMs` SIGCONT. */
export const pauseServer = async ({ servers }: World, kind: ServerKind, forMs: number): Promise<void> => {
  await servers.signal(kind, 'SIGSTOP');
  await sleep(forMs);
  await servers.signal(kind, 'SIGCONT');
};
