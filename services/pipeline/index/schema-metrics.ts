/** What the index says of its schema, for Prometheus: what only a reindex can bring up to date is to be seen, and alerted on. */
import type { Client } from '@elastic/elasticsearch';
import { Gauge, type Registry } from 'prom-client';
import { sharedRead } from '../../platform/shared-read.ts';
import type { PlacedEntity } from '../entity.ts';
import { decodeMeta } from './meta.ts';

const QUESTION_MS = 2_000;

/** Asked for when Prometheus scrapes; a series that cannot be measured is absent. */
export const observeIndexSchema = (
  client: Client,
  { name: entity, alias }: Pick<PlacedEntity, 'name' | 'alias'>,
  registry: Registry,
): void => {
  const read = sharedRead(async () => {
    const found = await client.indices.getMapping({ index: alias }, { requestTimeout: QUESTION_MS });
    return Object.values(found).map(({ mappings }) => decodeMeta(mappings._meta) ?? {});
  });
  const gauge = (metric: string, help: string, valueOf: (metas: Awaited<ReturnType<typeof read>> & object) => number) =>
    new Gauge({
      name: metric,
      help,
      labelNames: ['entity'],
      registers: [registry],
      async collect() {
        const metas = await read();
        this.reset();
        if (metas !== undefined && metas.length > 0) this.set({ entity }, valueOf(metas));
      },
    });
  gauge('taskstream_index_schema_version', 'Schema version whose fields the index knows.', (metas) =>
    Math.min(...metas.map(({ schemaVersion = 0 }) => schemaVersion)),
  );
  gauge('taskstream_index_reindex_pending', 'Fields whose mapping only a reindex can bring up to date.', (metas) =>
    Math.max(...metas.map(({ pendingReindex = [] }) => pendingReindex.length)),
  );
};
