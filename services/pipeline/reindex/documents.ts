/** Versions of documents in one index. */
import type { Client } from '@elastic/elasticsearch';

export interface DocumentVersion {
  readonly id: string;
  readonly version: number;
}

const PAGE = 1_000;
/** The view of one walk is kept for this long after each page. */
const KEEP_ALIVE = '2m';

/** Version of each of `ids` that the index has now, refreshed or not. */
export const versionsIn = async (
  client: Client,
  index: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> => {
  if (ids.length === 0) return new Map();
  const { docs } = await client.mget({ index, ids: [...ids], _source: false });
  return new Map(docs.flatMap((doc) => ('found' in doc && doc.found ? [[doc._id, doc._version ?? 0] as const] : [])));
};

/** All documents, in order of their ids and as of one moment, page by page. */
export const walkDocuments = async function* (
  client: Client,
  index: string,
): AsyncGenerator<readonly DocumentVersion[]> {
  let { id: pit } = await client.openPointInTime({ index, keep_alive: KEEP_ALIVE });
  try {
    let after: unknown[] | undefined;
    for (;;) {
      const page = await client.search({
        pit: { id: pit, keep_alive: KEEP_ALIVE },
        size: PAGE,
        sort: [{ id: 'asc' }],
        version: true,
        _source: false,
        track_total_hits: false,
        ...(after === undefined ? {} : { search_after: after as string[] }),
      });
      pit = page.pit_id ?? pit;
      const { hits } = page.hits;
      after = hits.at(-1)?.sort;
      if (after === undefined) return;
      yield hits.map(({ _id, _version }) => ({ id: String(_id), version: _version ?? 0 }));
    }
  } finally {
    await client.closePointInTime({ id: pit }).catch(() => undefined);
  }
};
