/** From a row of the outbox to the records that carry it. */
import { TaskstreamError } from '../../platform/errors.ts';
import type { ProducerRecord } from '../../platform/kafka/producer.ts';
import type { TraceHeaders } from '../../platform/telemetry.ts';
import type { Effect, PlacedEntity } from '../entity.ts';
import { encodeEvent, encodeHeaders, encodeTombstoneHeaders } from '../events.ts';

/** A row of the outbox, its numbers as text. */
export interface OutboxRow extends TraceHeaders {
  readonly id: string;
  /** Where it goes; the previous version's rows name no topic. */
  readonly topic: string | null;
  readonly type: string;
  /** Id of what has changed, whatever the entity: the column keeps its first name while a version that reads it may run. */
  readonly task_id: string;
  readonly version: string;
  readonly task: string;
  /** The part of the outbox that it belongs to, by a hash of `task_id`. */
  readonly slot: number;
  /** When the change was written, in milliseconds of Unix time. */
  readonly time_ms: string;
}

/** What an event type says about its rows. */
export interface Route {
  readonly entity: string;
  readonly effect: Effect;
  /** For rows that name no topic. */
  readonly topic: string;
}

/**
 * The routes of all event types that this version knows.
 * @throws TaskstreamError `internal` when two entities share a type: their rows could not be told apart
 */
export const routesOf = (entities: readonly PlacedEntity[]): ReadonlyMap<string, Route> => {
  const routes = new Map<string, Route>();
  for (const { name, topic, effects } of entities) {
    for (const [type, effect] of Object.entries(effects)) {
      const other = routes.get(type);
      if (other !== undefined) {
        throw new TaskstreamError(
          'internal',
          `the entities "${other.entity}" and "${name}" share the event type "${type}"`,
        );
      }
      routes.set(type, { entity: name, effect, topic });
    }
  }
  return routes;
};

/**
 * The records of one change: its event, and after a deletion the tombstone that lets compaction forget the older ones.
 * The event's id consists of id and version: the same however often it is published.
 */
const toRecords = (row: OutboxRow, effect: Effect): readonly ProducerRecord[] => {
  const { type } = row;
  const time = new Date(Number(row.time_ms)).toISOString();
  const headers = encodeHeaders({
    id: `${row.task_id}:${row.version}`,
    type,
    subject: row.task_id,
    time,
    traceparent: row.traceparent,
    tracestate: row.tracestate,
  });
  const event: ProducerRecord = { key: row.task_id, value: encodeEvent(type, row.task), headers };
  return effect === 'delete'
    ? [event, { key: row.task_id, value: null, headers: encodeTombstoneHeaders(row.version, time) }]
    : [event];
};

/** A row with its way to Kafka. */
export interface Change {
  readonly row: OutboxRow;
  readonly entity: string;
  readonly topic: string;
  readonly records: readonly ProducerRecord[];
}

/** What the records of a change hold, in bytes. */
export const sizeOf = ({ records }: Change): number =>
  records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);

/** Rows that were read together. */
export interface Chunk {
  readonly changes: readonly Change[];
  /** The row that the chunk ends before, as this version does not know its type. */
  readonly unknown?: OutboxRow | undefined;
}

/** An unknown type is no error here: the rows before it are to be published and deleted as ever. */
export const toChunk = (rows: readonly OutboxRow[], routes: ReadonlyMap<string, Route>): Chunk => {
  const changes: Change[] = [];
  for (const row of rows) {
    const route = routes.get(row.type);
    if (route === undefined) return { changes, unknown: row };
    const topic = row.topic ?? route.topic;
    changes.push({ row, entity: route.entity, topic, records: toRecords(row, route.effect) });
  }
  return { changes };
};
