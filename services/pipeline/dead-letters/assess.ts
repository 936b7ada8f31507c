/** Whether a dead letter's event should go back to its topic: PostgreSQL has the last word about a task. */
import { escapeIdentifier, type Client } from 'pg';
import { parseEvent } from '../consume/parse-event.ts';
import type { Message } from '../../platform/kafka/native.ts';
import type { PlacedEntity } from '../entity.ts';
import type { Change } from '../write/overtake.ts';
import type { DeadLetter } from './dead-letter.ts';

export type Verdict =
  /**
   * `change` is missing for poison, which nobody can read, and for a deletion, behind which nothing comes but the tombstone
   * of its version.
   */
  | { readonly kind: 'replay'; readonly tombstone?: number; readonly change?: Change }
  /** Nothing is lost without it; replayed, it would do harm. */
  | { readonly kind: 'superseded'; readonly why: string; readonly change: Change }
  | { readonly kind: 'refused'; readonly why: string };

/**
 * Judges dead letters by the rows of now. A row may change as soon as this has returned: `publishWhatOvertook` sees to that.
 *
 * An old version behind a newer one would change nothing in the index, but it would in the topic: compaction keeps the
 * last record of a key, and would drop the newest version in favour of the old one. An update of a task that was
 * deleted longer ago than `DELETION_RETENTION_DAYS` would even bring it back to search.
 */
export const assess = async (
  client: Client,
  deadLetters: readonly DeadLetter[],
  entity: PlacedEntity,
): Promise<Verdict[]> => {
  const events = deadLetters.map(({ message }) => parseEvent(message, entity));
  const ids = new Set([
    ...events.flatMap((event) => (event.kind === 'operation' ? [event.operation.id] : [])),
    ...deadLetters.flatMap(({ message }) => keyIdOf(message)),
  ]);
  const { rows } = await client.query<{ id: string; version: string }>(
    `SELECT id::text, version FROM ${escapeIdentifier(entity.table)} AS t WHERE t.id = ANY($1::uuid[])`,
    [[...ids]],
  );
  const versions = new Map(rows.map(({ id, version }) => [id, Number(version)]));
  const { rows: deletions } = await client.query<{ id: string }>(
    'SELECT id::text FROM deletions WHERE source = $1 AND id = ANY($2::uuid[])',
    [entity.table, [...ids]],
  );
  const deleted = new Set(deletions.map(({ id }) => id));
  return deadLetters.map(({ source, message }, index): Verdict => {
    if (source.topic === undefined) return { kind: 'refused', why: 'it does not say which topic it came from' };
    if (source.topic !== entity.topic) {
      return {
        kind: 'refused',
        why: `it came from the topic ${source.topic}, and those of the ${entity.name} belong to ${entity.topic}`,
      };
    }
    const event = events[index];
    if (event?.kind !== 'operation') {
      // It goes back as it is, and while nothing has changed it returns as a new dead letter. But behind the good events of
      // a task it would be what compaction keeps, and behind a deletion its content would outlive it.
      const keys = event?.kind === 'poison' ? keyIdOf(message) : [];
      const owner = keys.some((id) => versions.has(id))
        ? `a row of ${entity.table} has its key`
        : keys.some((id) => deleted.has(id))
          ? `the ${entity.name} of its key is deleted`
          : undefined;
      return event?.kind === 'poison' && owner !== undefined
        ? { kind: 'refused', why: `this version cannot read it either, and ${owner}: ${event.error.message}` }
        : { kind: 'replay' };
    }
    const { operation } = event;
    const id = operation.id.toLowerCase();
    const change = { id, version: operation.version };
    const current = versions.get(id);
    if (current === undefined) {
      return operation.kind === 'delete'
        ? // As the relay does: without it compaction would keep the deleted task's event for ever.
          { kind: 'replay', tombstone: operation.version }
        : { kind: 'superseded', why: `the ${entity.name} is deleted`, change };
    }
    if (current > operation.version) {
      return {
        kind: 'superseded',
        why: `the ${entity.name} has version ${current} by now, this is ${operation.version}`,
        change,
      };
    }
    if (current < operation.version || operation.kind === 'delete') {
      return {
        kind: 'refused',
        why: `PostgreSQL has version ${current}, this is ${operation.version}: it was set back, so run ops verify --repair, and discard this dead letter`,
      };
    }
    return { kind: 'replay', change };
  });
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The task that the record's key names, if it names one. */
const keyIdOf = ({ key }: Message): string[] => {
  const text = key?.toString() ?? '';
  return UUID.test(text) ? [text.toLowerCase()] : [];
};
