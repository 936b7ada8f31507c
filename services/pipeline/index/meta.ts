/** What an index says about itself, in the `_meta` of its mapping: it survives a kill of the process that made it. */
import type { Client } from '@elastic/elasticsearch';
import { z } from 'zod';

const metaSchema = z.object({
  /** The schema version whose fields the mapping knows. */
  schemaVersion: z.int().positive().optional(),
  /** What only a reindex can bring up to date, such as `description: type text, wanted keyword`. */
  pendingReindex: z.array(z.string()).optional(),
  /** `building` until the alias points to it for the first time: such an index is deleted by the next reindex. */
  state: z.enum(['building', 'complete']).optional(),
  source: z.enum(['postgres', 'topic']).optional(),
  startedAt: z.string().optional(),
  switchedAt: z.string().optional(),
  /** The index that served before this one: where a rollback goes. */
  previous: z.string().optional(),
  /** Set while the alias moves from that index, whose writes are blocked, to this one. */
  switchingFrom: z.string().optional(),
});

export type IndexMeta = z.infer<typeof metaSchema>;

/** The key of ours in `_meta`, which everybody may write to. */
const KEY = 'taskstream';

export const encodeMeta = (meta: IndexMeta): Record<string, unknown> => ({ [KEY]: meta });

/** Nothing for an index of somebody else. */
export const decodeMeta = (meta: unknown): IndexMeta | undefined =>
  z.object({ [KEY]: metaSchema }).safeParse(meta).data?.[KEY];

/** Replaces what the index says. */
export const writeMeta = async (client: Client, index: string, meta: IndexMeta): Promise<void> => {
  await client.indices.putMapping({ index, _meta: encodeMeta(meta) });
};
