/**
 * Replaces a client of Kafka whose certificates or login were renewed: librdkafka takes both when a client is made.
 * Files are looked at every few seconds, and not watched: Kubernetes swaps a link to their folder, which not every file system
 * reports.
 */
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Renewals } from '../renewals.ts';
import { backoffMs, sleep } from '../time.ts';
import { connectPatiently, type NativeClient } from './native.ts';
import { renewableSettings, type KafkaConfig } from './settings.ts';

/** How often the files are looked at. */
const LOOK_MS = 2_000;
/** A client that cannot be replaced goes on as it is; the server may not know the new login yet, or never will. */
const RETRY = { baseMs: 2 * LOOK_MS, maxMs: 60_000 } as const;

export interface Made<C> {
  readonly client: C;
  /** `renewableSettings` when it was made. */
  readonly from: string | undefined;
}

/** As `connectPatiently`, and remembers what the client was made of. */
export const make = async <C extends NativeClient>(
  name: string,
  config: KafkaConfig,
  create: () => C,
  logger: Logger,
  signal: AbortSignal,
): Promise<Made<C>> => {
  let from: string | undefined;
  const client = await connectPatiently(
    name,
    () => {
      from = renewableSettings(config);
      return create();
    },
    logger,
    signal,
  );
  return { client, from };
};

export interface Renewable {
  /** As logs and metrics call it. */
  readonly name: string;
  /** What the client was made of that is in use now. */
  readonly madeFrom: () => string | undefined;
  /**
   * Puts a new client in its place; resolves to whether it did: a stop may come first.
   * @throws when none connects: the one in use goes on
   */
  readonly renew: () => Promise<boolean>;
}

/** Goes on until `signal` aborts. */
export const followRenewals = async (
  config: KafkaConfig,
  { name, madeFrom, renew }: Renewable,
  renewals: Renewals,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> => {
  let failures = 0;
  while (!signal.aborted) {
    const now = renewableSettings(config);
    const isCurrent = now === undefined || now === madeFrom();
    renewals.report(name, isCurrent);
    if (isCurrent) failures = 0;
    else {
      try {
        if (failures === 0)
          logger.info({ client: name }, 'the certificates or the login of a Kafka client were renewed');
        if (await renew()) {
          logger.info({ client: name }, 'a Kafka client with the renewed certificates and login took over');
          renewals.report(name, true);
        }
        failures = 0;
      } catch (error) {
        failures += 1;
        logger.warn(
          { client: name, reason: messageOf(error), failures },
          'no Kafka client connects with the renewed certificates or login: the one of before goes on',
        );
      }
    }
    await sleep(failures === 0 ? LOOK_MS : backoffMs(failures, RETRY), signal);
  }
  renewals.report(name, undefined);
};
