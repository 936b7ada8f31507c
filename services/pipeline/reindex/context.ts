/** What every part of a reindex works with. */
import type { Client } from '@elastic/elasticsearch';
import type { Pool } from 'pg';
import type { Logger } from '../../platform/logger.ts';
import type { ReindexConfig } from '../../ops/env.ts';
import type { Progress } from './progress.ts';

export interface ReindexContext {
  readonly config: ReindexConfig;
  readonly client: Client;
  readonly pool: Pool;
  readonly logger: Logger;
  readonly progress: Progress;
  /** Aborts when the person or the orchestrator wants an end. */
  readonly signal: AbortSignal;
}
