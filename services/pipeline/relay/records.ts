/** From a row of the outbox to the records that carry it. */
import type { Effect, PlacedEntity } from '../entity.ts';
import { encodeEvent, encodeHeaders } from '../events.ts';
import type { ProducerRecord } from '../../platform/kafka/producer.ts';

/** A row of the outbox, all columns as text. */
export interface OutboxRow {
  readonly id: string;
  readonly type: string;
  readonly task_id: string;
  readonly version: string;
  readonly task: string;
  readonly traceparent: string | null;
  /** When the change was written, in milliseconds of Unix time. */
  readonly time_ms: string;
}

/**
 * The records of one change: its event, and after a deletion the tombstone that lets compaction forget the id.
 * The event's id is made of id and version: the same however often it is published.
 */
const toRecords = (row: OutboxRow, effect: Effect): readonly ProducerRecord[] => {
  const { type } = row;
  const headers = encodeHeaders({
    id: `${row.task_id}:${row.version}`,
    type,
    subject: row.task_id,
    time: new Date(Number(row.time_ms)).toISOString(),
    traceparent: row.traceparent,
  });
  const event: ProducerRecord = { key: row.task_id, value: encodeEvent(type, row.task), headers };
  return effect === 'delete' ? [event, { key: row.task_id, value: null, headers: [] }] : [event];
};

/** Rows that were read together, with their records. */
export interface Chunk {
  readonly rows: readonly OutboxRow[];
  readonly records: readonly ProducerRecord[];
  /** For each record the position of its row. */
  readonly owners: readonly number[];
  /** The row that the chunk ends before, as this version does not know its type. */
  readonly unknown?: OutboxRow | undefined;
}

/** All event types that this version knows. */
export const effectsOf = (entities: readonly PlacedEntity[]): ReadonlyMap<string, Effect> =>
  new Map(entities.flatMap(({ effects }) => Object.entries(effects)));

/** An unknown type is no error here: the rows before it are to be published and deleted as ever. */
export const toChunk = (rows: readonly OutboxRow[], effects: ReadonlyMap<string, Effect>): Chunk => {
  const records: ProducerRecord[] = [];
  const owners: number[] = [];
  for (const [position, row] of rows.entries()) {
    const effect = effects.get(row.type);
    if (effect === undefined) return { rows: rows.slice(0, position), records, owners, unknown: row };
    for (const record of toRecords(row, effect)) {
      records.push(record);
      owners.push(position);
    }
  }
  return { rows, records, owners };
};
