/**
 * What the pipeline knows of the things it carries: an id, a version, JSON, and this description.
 * A domain folder such as `services/task` provides it; nothing below the domain names a task.
 */
import type { estypes } from '@elastic/elasticsearch';
import type { z } from 'zod';

/** What an event asks of the index. */
export type Effect = 'index' | 'delete';

/**
 * A kind of thing that is stored, published, indexed and searched.
 *
 * Its table has the columns `id uuid`, `version bigint`, `created_at` and `updated_at timestamptz`, and a trigger that calls
 * `record_deletion()` as in the migration of `deletions`; its JSON has the fields
 * `id`, `version`, `schemaVersion`, `createdAt` and `updatedAt`.
 */
export interface Entity {
  /** In messages and as the label of metrics: `task`. */
  readonly name: string;
  /** Its table in PostgreSQL. */
  readonly table: string;
  /**
   * The SQL function that turns a row of the table into its JSON text. A migration replaces it, so that a version which
   * is still running publishes new fields too.
   */
  readonly rowToJson: string;
  /** The event types that the store writes. */
  readonly types: { readonly created: string; readonly updated: string; readonly deleted: string };
  /** Every event type this version knows, with what it asks of the index. */
  readonly effects: Readonly<Record<string, Effect>>;
  /** Grows by one with every change of the fields; events and indices name theirs. */
  readonly schemaVersion: number;
  /** Judges the fields that this version knows. Others pass: a newer writer adds them, and they are kept. */
  readonly value: z.ZodType;
  /** Values of the fields that documents of an older schema lack; none without it. */
  readonly initials?: Readonly<Record<string, unknown>>;
  /** Mapping of its documents, without `_meta`. */
  readonly mapping: estypes.MappingTypeMapping;
  /** Whether each row belongs to somebody, whose callers alone see and change it: see `owner.ts`. */
  readonly isOwned?: boolean;
  /** Sets its idempotency keys apart from those of others, which share one table; at most one entity's may be empty. */
  readonly keyScope: string;
}

/** Where an entity's changes travel; each environment may choose other names. */
export interface EntityNames {
  readonly topic: string;
  readonly deadLetterTopic: string;
  /** Alias that is written to and searched in. */
  readonly alias: string;
  /** Consumer group of its indexers. */
  readonly group: string;
}

/** An entity in an environment. */
export type PlacedEntity = Entity & EntityNames;
