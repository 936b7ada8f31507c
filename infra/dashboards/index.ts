/** The dashboard of the pipeline, in the order in which a change travels through it. */
import { runbookUrl } from '../alerts/index.ts';
import { elasticsearch } from './elasticsearch.ts';
import { toGrafana } from './grafana.ts';
import { indexer } from './indexer.ts';
import { lag } from './lag.ts';
import type { Row } from './panel.ts';
import { relay } from './relay.ts';
import { reliability } from './reliability.ts';
import { runtime } from './runtime.ts';
import { search } from './search.ts';
import { servers } from './servers.ts';
import { writePath } from './write-path.ts';

export const DASHBOARD_ROWS: readonly Row[] = [
  reliability,
  writePath,
  relay,
  lag,
  indexer,
  search,
  servers,
  elasticsearch,
  runtime,
];

/** @param runbooksUrl where docs/runbooks can be read */
export const dashboardJson = (runbooksUrl: string): string =>
  JSON.stringify(
    toGrafana({
      uid: 'taskstream',
      title: 'taskstream',
      rows: DASHBOARD_ROWS,
      namespacesOf: 'taskstream_relay_leader',
      runbookUrl: (page) => runbookUrl(runbooksUrl, page),
    }),
    null,
    2,
  );
