/** What every part of a reindex works with. */
import type { Client } from '@elastic/elasticsearch';
import type { Pool } from 'pg';
import type { Logger } from '../../platform/logger.ts';
import type { KafkaConfig } from '../../platform/kafka/settings.ts';
import type { PostgresConfig } from '../../platform/postgres.ts';
import type { PlacedEntity } from '../entity.ts';
import type { IndexOptions } from '../index/search-index.ts';
import type { Progress } from './progress.ts';

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
