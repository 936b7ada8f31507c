/**
 * Puts the events of letters back where they came from, so that they go the normal way.
 * A row `replaying` is there before the event is produced and says `replayed` after: a kill in between replays again,
 * which changes nothing (external versions), and never loses a dead letter.
 */
import type { Client } from 'pg';
import { messageOf } from '../../platform/errors.ts';
import type { KafkaProducer, ProducerRecord } from '../../platform/kafka/producer.ts';
import { headerOf } from '../../platform/kafka/headers.ts';
import type { PlacedEntity } from '../entity.ts';
import { encodeTombstoneHeaders } from '../events.ts';
import { finish, recordActions, type Finished, type TrackedDeadLetter } from './actions.ts';
import { assess, type Verdict } from './assess.ts';
import { originalHeaders, type DeadLetter } from './dead-letter.ts';
import { sleep } from '../../platform/time.ts';
import { publishWhatOvertook, type Change } from '../write/overtake.ts';

export interface ReplayOptions {
  readonly client: Client;
  readonly producer: Pick<KafkaProducer, 'send'>;
  readonly entity: PlacedEntity;
  readonly actor: string;
}

export interface ReplayOutcome {
  readonly deadLetter: DeadLetter;
  readonly state: Finished['state'];
  readonly result: string | null;
  /** Whether the broker did not answer in time: then the next dead letters would wait in vain too. */
  readonly isOutage: boolean;
}

/** What would become of each dead letter, without touching it. */
export const assessOnly = async (
  { client, entity }: Pick<ReplayOptions, 'client' | 'entity'>,
  deadLetters: readonly DeadLetter[],
): Promise<ReplayOutcome[]> => {
  const verdicts = await assess(client, deadLetters, entity);
  return deadLetters.map((deadLetter, index) => ({ deadLetter, ...settled(verdicts[index]) }));
};

/** Replays a batch of letters, one failing does not stop the others. No row is locked while Kafka is waited for. */
export const replayDeadLetters = async (
  options: ReplayOptions,
  tracked: readonly TrackedDeadLetter[],
): Promise<ReplayOutcome[]> => {
  const { client, entity, actor } = options;
  const deadLetters = tracked.map(({ deadLetter }) => deadLetter);
  const ids = await recordActions(client, deadLetters, {
    topic: entity.deadLetterTopic,
    action: 'replay',
    state: 'replaying',
    actor,
    result: null,
  });
  const verdicts = await assess(client, deadLetters, entity);
  const outcomes = await produce(options, deadLetters, verdicts);
  const replayed = verdicts.map((verdict, index) => {
    // A replay that was killed may have produced the event of a dead letter that is superseded now.
    const isProduced = verdict.kind === 'replay' || tracked[index]?.last?.state === 'replaying';
    return isProduced && 'change' in verdict ? verdict.change : undefined;
  });
  const locked = await followUp(
    client,
    entity,
    replayed.filter((change) => change !== undefined),
  );
  const settledOutcomes = outcomes.map((outcome, index): ReplayOutcome =>
    locked.has(replayed[index]?.id ?? '') ? { ...outcome, state: 'failed', result: LOCKED } : outcome,
  );
  await finish(
    client,
    settledOutcomes.map(({ state, result }, index) => ({ id: ids[index] ?? '', state, result })),
  );
  return settledOutcomes;
};

const LOCKED = 'it was produced, and somebody holds its row locked, whose newest state is to follow: replay it again';
/** How long a row that somebody holds locked is waited for, and how often it is tried. */
const LOCKED_MS = 5_000;
const TRIED_EVERY_MS = 250;

/** @returns ids of rows that stay locked */
const followUp = async (
  client: Client,
  entity: PlacedEntity,
  replayed: readonly Change[],
): Promise<ReadonlySet<string>> => {
  const until = performance.now() + LOCKED_MS;
  let locked = await publishWhatOvertook(client, entity, replayed);
  while (locked.size > 0 && performance.now() < until) {
    await sleep(TRIED_EVERY_MS);
    const left = locked;
    locked = await publishWhatOvertook(
      client,
      entity,
      replayed.filter(({ id }) => left.has(id)),
    );
  }
  return locked;
};

const produce = async (
  { producer, entity }: ReplayOptions,
  deadLetters: readonly DeadLetter[],
  verdicts: readonly Verdict[],
): Promise<ReplayOutcome[]> => {
  const toSend = deadLetters.flatMap((deadLetter, index) => {
    const verdict = verdicts[index];
    return verdict?.kind === 'replay' ? [{ index, records: recordsOf(deadLetter, verdict.tombstone) }] : [];
  });
  const failures = await sendEach(
    producer,
    entity.topic,
    toSend.map(({ records }) => records),
  );
  const failed = new Map(toSend.map(({ index }, position) => [index, failures[position]]));
  return deadLetters.map((deadLetter, index) => {
    const failure = failed.get(index);
    return failure === undefined
      ? { deadLetter, ...settled(verdicts[index]) }
      : { deadLetter, state: 'failed', result: explain(deadLetter, failure), isOutage: !isRefusal(failure) };
  });
};

/**
 * Sends the records of each dead letter; returns for each why it failed, or nothing.
 * The broker takes or refuses whole batches: one record that it does not want takes its neighbours along. So those that
 * failed are sent once more, each alone.
 */
const sendEach = async (
  producer: Pick<KafkaProducer, 'send'>,
  topic: string,
  groups: readonly (readonly ProducerRecord[])[],
): Promise<(Error | undefined)[]> => {
  const deliveries = await producer.send(topic, groups.flat());
  let start = 0;
  const failures: (Error | undefined)[] = [];
  for (const group of groups) {
    const failure = deliveries.slice(start, start + group.length).find((error) => error !== undefined);
    start += group.length;
    failures.push(
      isRefusal(failure) ? (await producer.send(topic, group)).find((error) => error !== undefined) : failure,
    );
  }
  return failures;
};

/** Codes from 0 on are the broker's answers, those below are of librdkafka itself, such as a timeout. */
const isRefusal = (error: Error | undefined): boolean =>
  error !== undefined && 'code' in error && typeof error.code === 'number' && error.code > 0;

/** @param tombstone version of the deletion that the dead letter is; nothing for any other */
const recordsOf = ({ message }: DeadLetter, tombstone: number | undefined): ProducerRecord[] => {
  const key = message.key ?? null;
  const time = headerOf(message, 'ce_time') ?? new Date().toISOString();
  return [
    { key, value: message.value, headers: originalHeaders(message) },
    ...(tombstone === undefined
      ? []
      : [{ key, value: null, headers: encodeTombstoneHeaders(String(tombstone), time) }]),
  ];
};

const settled = (verdict: Verdict | undefined): Omit<ReplayOutcome, 'deadLetter'> => {
  switch (verdict?.kind) {
    case 'replay':
      return { state: 'replayed', result: null, isOutage: false };
    case 'superseded':
      return { state: 'superseded', result: verdict.why, isOutage: false };
    case 'refused':
      return { state: 'failed', result: verdict.why, isOutage: false };
    case undefined:
      return { state: 'failed', result: 'it was not judged', isOutage: false };
  }
};

const explain = ({ message }: DeadLetter, error: Error): string =>
  message.key === null || message.key === undefined
    ? `it has no key, and a compacted topic takes no such record: discard it (${messageOf(error)})`
    : messageOf(error);
