/** Grafana's JSON of a dashboard: rows of panels on a grid that is 24 columns wide. */
import type { Panel, Row, Threshold } from './panel.ts';

const COLUMNS = 24;
const PANEL = { w: 8, h: 8 } as const;
/** The variable that names the Prometheus to ask. */
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' } as const;

export interface DashboardOptions {
  readonly uid: string;
  readonly title: string;
  readonly rows: readonly Row[];
  /** Metric that every installation has: its namespaces are what the variable offers. */
  readonly namespacesOf: string;
  /** URL of a runbook by its page. */
  readonly runbookUrl: (page: string) => string;
}

export const toGrafana = ({ uid, title, rows, namespacesOf, runbookUrl }: DashboardOptions) => ({
  uid,
  title,
  description:
    'From the HTTP request to the search hit. Each panel that can be red links to the page that says what to do.',
  tags: ['taskstream'],
  timezone: 'browser',
  editable: false,
  graphTooltip: 1,
  refresh: '30s',
  schemaVersion: 39,
  time: { from: 'now-3h', to: 'now' },
  templating: {
    list: [
      { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus', hide: 0 },
      {
        name: 'namespace',
        label: 'Namespace',
        type: 'query',
        datasource: DATASOURCE,
        query: { query: `label_values(${namespacesOf}, namespace)`, refId: 'namespaces' },
        refresh: 2,
        sort: 1,
        hide: 0,
      },
    ],
  },
  panels: layOut(rows, runbookUrl),
});

const layOut = (rows: readonly Row[], runbookUrl: DashboardOptions['runbookUrl']) => {
  const panels: object[] = [];
  let y = 0;
  for (const row of rows) {
    const gridPos = { x: 0, y, w: COLUMNS, h: 1 };
    panels.push({ id: panels.length + 1, type: 'row', title: row.title, collapsed: false, gridPos, panels: [] });
    y += 1;
    row.panels.forEach((panel, index) => {
      const place = { x: (index * PANEL.w) % COLUMNS, y: y + Math.floor((index * PANEL.w) / COLUMNS) * PANEL.h };
      panels.push({ id: panels.length + 1, ...toPanel(panel, runbookUrl), gridPos: { ...place, ...PANEL } });
    });
    y += Math.ceil((row.panels.length * PANEL.w) / COLUMNS) * PANEL.h;
  }
  return panels;
};

const toPanel = (panel: Panel, runbookUrl: DashboardOptions['runbookUrl']) => {
  const { title, description, kind, unit, queries, thresholds = [], base = 'green', runbook } = panel;
  return {
    type: kind,
    title,
    description,
    datasource: DATASOURCE,
    links: runbook === undefined ? [] : [{ title: `Runbook: ${runbook}`, url: runbookUrl(runbook), targetBlank: true }],
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
      ...(kind === 'stat' ? { instant: true } : { range: true }),
    })),
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        thresholds: { mode: 'absolute', steps: [{ value: null, color: base }, ...thresholds.map(toStep)] },
        ...(kind === 'timeseries'
          ? {
              custom: {
                lineWidth: 1,
                fillOpacity: 10,
                showPoints: 'never',
                // Lines where the colours change, so that a look tells how near the alert is.
                thresholdsStyle: { mode: thresholds.length === 0 ? 'off' : 'dashed' },
              },
            }
          : {}),
      },
      overrides: [],
    },
    options:
      kind === 'stat'
        ? { reduceOptions: { calcs: ['lastNotNull'] }, colorMode: 'background', textMode: 'auto' }
        : { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
  };
};

const toStep = ({ value, colour }: Threshold) => ({ value, color: colour });
