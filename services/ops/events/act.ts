/** What the commands of `ops events` do. */
import { TaskstreamError } from '../../platform/errors.ts';
import { createPool } from '../../platform/postgres.ts';
import { repartition } from '../../pipeline/relay/repartition.ts';
import { placeTask } from '../../task/env.ts';
import { readRepartitionConfig, readTopicsConfig } from '../env.ts';
import { replayEvents, type ReplayEnd, type ReplayStart } from './replay.ts';
import { tailEvents } from './tail.ts';
import { withProducer } from '../cli/with-producer.ts';
import { withReader } from '../cli/with-reader.ts';
import type { Position } from '../cli/arguments.ts';
import { createOutput } from '../cli/output.ts';
import { stopSignal } from '../cli/stop-signal.ts';

interface TailFlags {
  readonly task?: string;
  readonly type?: readonly string[];
  readonly since?: number;
  readonly json?: boolean;
}

export interface ReplayFlags {
  readonly group: string;
  readonly from?: ReplayStart;
  readonly fromOffset?: readonly Position[] | 'beginning';
  readonly until?: number;
  readonly untilEnd?: boolean;
  readonly restart?: boolean;
}

const PUBLISH_TIMEOUT_MS = 60_000;

const DELIVERY_TIMEOUT_MS = 30_000;

const startOf = ({ from, fromOffset }: ReplayFlags): ReplayStart =>
  fromOffset === undefined || fromOffset === 'beginning'
    ? (from ?? { kind: 'beginning' })
    : { kind: 'offsets', positions: fromOffset };

const endOf = ({ until, untilEnd }: ReplayFlags): ReplayEnd =>
  untilEnd === true ? { kind: 'end' } : until === undefined ? { kind: 'follow' } : { kind: 'time', timeMs: until };

export const tail = async ({ task, type, since, json = false }: TailFlags) => {
  const config = readTopicsConfig(process.env);
  const signal = stopSignal();
  await withReader(config, { signal }, async (reader) => {
    await tailEvents({
      reader,
      topic: config.TASKS_TOPIC,
      sinceMs: since,
      filter: { task, types: type },
      json,
      output: createOutput(),
      signal,
    });
  });
};

export const replay = async (flags: ReplayFlags) => {
  const config = readTopicsConfig(process.env);
  if (flags.group === config.CONSUMER_GROUP) {
    throw new TaskstreamError(
      'invalid_configuration',
      `${flags.group} is the indexers' group: reading for it would make them pass events over. Choose another --group.`,
    );
  }
  const signal = stopSignal();
  await withReader(config, { signal, group: flags.group }, async (reader, logger) => {
    const { written, resumed, complete } = await replayEvents({
      reader,
      topic: config.TASKS_TOPIC,
      group: flags.group,
      start: startOf(flags),
      restart: flags.restart === true,
      end: endOf(flags),
      output: createOutput(),
      logger,
      signal,
    });
    process.stderr.write(
      `${written} events${resumed ? ', from where the group had stopped' : ''}` +
        `${complete ? '' : '; the same command goes on from here'}\n`,
    );
  });
};

export const repartitionTopic = async () => {
  const config = readRepartitionConfig(process.env);
  const signal = stopSignal();
  await withReader(config, { signal }, async (reader, logger) => {
    const pool = createPool(config, 'taskstream-ops-events', logger);
    try {
      const options = { logger, deliveryTimeoutMs: DELIVERY_TIMEOUT_MS, signal };
      const { moved, published } = await withProducer(config, options, (producer) =>
        repartition({
          ...{ pool, reader, producer, signal, entity: placeTask(config), publishTimeoutMs: PUBLISH_TIMEOUT_MS },
          onProgress: ({ partition, partitions, ...soFar }) => {
            process.stderr.write(`partition ${partition} of ${partitions}: ${soFar.moved} moved so far\n`);
          },
        }),
      );
      process.stdout.write(`${moved} tasks had moved; ${published} of them exist, and were published again\n`);
    } finally {
      await pool.end();
    }
  });
};
