/** What every part of a reindex works with. */
import type { Client } from '@elastic/elasticsearch';
import type { Pool } from 'pg';
import { messageOf } from '../../platform/errors.ts';
import type { KafkaConfig } from '../../platform/kafka/settings.ts';
import type { Logger } from '../../platform/logger.ts';
import type { PostgresConfig } from '../../platform/postgres.ts';
import type { PlacedEntity } from '../entity.ts';
import { createDocumentReader, type DocumentReader } from '../index/documents.ts';
import type { IndexOptions } from '../index/search-index.ts';
import { createRowReader, type RowReader } from '../rows.ts';

export interface ReindexContext {
  readonly entity: PlacedEntity;
  readonly config: KafkaConfig & PostgresConfig;
  /** Settings of the new index. */
  readonly index: Omit<IndexOptions, 'alias'>;
  readonly client: Client;
  readonly pool: Pool;
  readonly logger: Logger;
  readonly progress: Progress;
  /** Aborts when the person or the orchestrator wants an end. */
  readonly signal: AbortSignal;
}

/** Where a run reports what it does. */
export interface Progress {
  /** A new step begins; with `total` its length is known. */
  step(name: string, total?: number): void;
  /** So many more things were done in this step. */
  advance(count: number): void;
  /** Something worth a line. */
  note(line: string): void;
}

/** Both sides: the rows of PostgreSQL, and the documents of one index. */
export interface Stores {
  readonly rows: RowReader;
  readonly documents: DocumentReader;
}

/** @param signal ends the repetitions of reads that fail */
export const storesOf = (
  { client, entity, pool, progress }: Pick<ReindexContext, 'client' | 'entity' | 'pool' | 'progress'>,
  index: string,
  signal: AbortSignal,
): Stores => {
  const onRetry = (error: unknown) => {
    progress.note(`${messageOf(error)}: trying again`);
  };
  return {
    rows: createRowReader(pool, entity, { onRetry, signal }),
    documents: createDocumentReader(client, index, { onRetry, signal }),
  };
};
