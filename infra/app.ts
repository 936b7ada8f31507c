/** All objects of an environment, in the order in which they are applied: one chart, one file. */
import { App, YamlOutputType, type Chart } from 'cdk8s';
import { ApiChart } from './charts/api.ts';
import { DataPlaneChart } from './charts/data-plane.ts';
import { IndexerChart } from './charts/indexer.ts';
import { MonitoringChart } from './charts/monitoring.ts';
import { NamespaceChart } from './charts/namespace.ts';
import { NetworkChart } from './charts/network.ts';
import { ReindexChart } from './charts/reindex.ts';
import { SetupChart } from './charts/setup.ts';
import { VerifyChart } from './charts/verify.ts';
import type { Environment } from './environments/schema.ts';

/** @param outdir where `synth` writes; it is emptied first */
export const createApp = (environment: Environment, outdir: string): App => {
  const app = new App({ outdir, yamlOutputType: YamlOutputType.FILE_PER_CHART });
  const order: Chart[] = [];
  const add = <C extends Chart>(chart: C): C => {
    const before = order.at(-1);
    if (before !== undefined) chart.addDependency(before);
    order.push(chart);
    return chart;
  };
  add(new NamespaceChart(app, 'namespace', environment));
  const { servers } = add(new DataPlaneChart(app, 'data-plane', environment));
  add(new NetworkChart(app, 'network', environment, servers));
  add(new SetupChart(app, 'setup', environment, servers));
  add(new ApiChart(app, 'api', environment, servers));
  add(new IndexerChart(app, 'indexer', environment, servers));
  add(new VerifyChart(app, 'verify', environment, servers));
  add(new ReindexChart(app, 'reindex', environment, servers));
  if (environment.monitoring) add(new MonitoringChart(app, 'monitoring', environment, servers));
  return app;
};
