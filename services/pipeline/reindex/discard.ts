/** `reindex discard`: deletes an index that does not serve. */
import { TaskstreamError } from '../../platform/errors.ts';
import { readCatalog } from './catalog.ts';
import type { ReindexContext } from './context.ts';
import { withReindexLock } from './lock.ts';

/** @throws TaskstreamError `precondition_failed` when it serves, is not there, or a reindex is running */
export const discardIndex = (
  { client, config, entity }: Pick<ReindexContext, 'client' | 'config' | 'entity'>,
  index: string,
): Promise<void> =>
  withReindexLock(config, async () => {
    const alias = entity.alias;
    const { live, indices } = await readCatalog(client, alias);
    if (index === live.name || index === alias) {
      throw new TaskstreamError(
        'precondition_failed',
        `${live.name} serves the alias ${alias}: it cannot be discarded.`,
      );
    }
    if (!indices.some(({ name }) => name === index)) {
      const others = indices.filter(({ isLive }) => !isLive).map(({ name }) => name);
      throw new TaskstreamError(
        'precondition_failed',
        `${alias} has no index ${index}; there ${others.length === 0 ? 'is none to discard' : `are ${others.join(', ')}`}.`,
      );
    }
    await client.indices.delete({ index });
  });
