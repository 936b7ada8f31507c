/** Whether a letter's event should go back to its topic: PostgreSQL has the last word about a task. */
import { escapeIdentifier, type Client } from 'pg';
import { parseEvent } from '../consume/parse-event.ts';
import type { Message } from '../../platform/kafka/native.ts';
import type { PlacedEntity } from '../entity.ts';
import type { DeadLetter } from './dead-letter.ts';

export type Verdict =
  | { readonly kind: 'replay'; readonly withTombstone: boolean }
  /** Nothing is lost without it; replayed, it would do harm. */
  | { readonly kind: 'superseded'; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string };

/**
 * Judges letters inside a transaction, and locks the rows of their tasks: until it ends no task gets a newer version.
 *
 * An old version behind a newer one would change nothing in the index, but it would in the topic: compaction keeps the
 * last record of a key, and would drop the newest version in favour of the old one. An update of a task that was
 * deleted long ago would even bring it back to search, as the index forgets the versions of deleted documents.
 */
export const assess = async (
  client: Client,
  letters: readonly DeadLetter[],
  entity: PlacedEntity,
): Promise<Verdict[]> => {
  const events = letters.map(({ message }) => parseEvent(message, entity));
  const ids = new Set([
    ...events.flatMap((event) => (event.kind === 'operation' ? [event.operation.id] : [])),
    ...letters.flatMap(({ message }) => keyIdOf(message)),
  ]);
  // In key order, so that two commands cannot wait for each other.
  const { rows } = await client.query<{ id: string; version: string }>(
    `SELECT id::text, version FROM ${escapeIdentifier(entity.table)} AS t WHERE id = ANY($1::uuid[]) ORDER BY t.id FOR SHARE`,
    [[...ids]],
  );
  const versions = new Map(rows.map(({ id, version }) => [id, Number(version)]));
  return letters.map(({ source, message }, index): Verdict => {
    if (source.topic === undefined) return { kind: 'refused', why: 'it does not say which topic it came from' };
    if (source.topic !== entity.topic) {
      return {
        kind: 'refused',
        why: `it came from the topic ${source.topic}, and those of the ${entity.name} belong to ${entity.topic}`,
      };
    }
    const event = events[index];
    if (event?.kind !== 'operation') {
      // It goes back as it is, and while nothing has changed it returns as a new letter. But behind the good events of
      // a task it would be what compaction keeps.
      return event?.kind === 'poison' && keyIdOf(message).some((id) => versions.has(id))
        ? {
            kind: 'refused',
            why: `this version cannot read it either, and a row of ${entity.table} has its key: ${event.error.message}`,
          }
        : { kind: 'replay', withTombstone: false };
    }
    const { operation } = event;
    const current = versions.get(operation.id.toLowerCase());
    if (current === undefined) {
      return operation.kind === 'delete'
        ? // As the relay does: without it compaction would keep the deleted task's event for ever.
          { kind: 'replay', withTombstone: true }
        : { kind: 'superseded', why: `the ${entity.name} is deleted` };
    }
    if (current > operation.version) {
      return {
        kind: 'superseded',
        why: `the ${entity.name} has version ${current} by now, this is ${operation.version}`,
      };
    }
    if (current < operation.version || operation.kind === 'delete') {
      return {
        kind: 'refused',
        why: `PostgreSQL has version ${current}, this is ${operation.version}: it was set back, so run ops verify --repair, and discard this letter`,
      };
    }
    return { kind: 'replay', withTombstone: false };
  });
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The task that the record's key names, if it names one. */
const keyIdOf = ({ key }: Message): string[] => {
  const text = key?.toString() ?? '';
  return UUID.test(text) ? [text.toLowerCase()] : [];
};
