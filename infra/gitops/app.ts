/** GitOps manifests: for Argo CD one file; for Flux the steps, and a folder for each. */
import { App, YamlOutputType } from 'cdk8s';
import { join } from 'node:path';
import { NamespaceChart } from '../charts/namespace.ts';
import { ArgoCdChart } from './argo-cd.ts';
import { FluxApplicationChart, FluxOperatorsChart, FluxStepsChart } from './flux.ts';
import type { GitOpsOptions } from './options.ts';

/** @param outdir where they are synthesised, each to its own folder of it */
export const createGitOpsApps = (options: GitOpsOptions, outdir: string): App[] => {
  const app = (folder: string, fill: (scope: App) => unknown): App => {
    const made = new App({
      outdir: join(outdir, folder),
      outputFileExtension: '.yaml',
      yamlOutputType: YamlOutputType.FILE_PER_CHART,
    });
    fill(made);
    return made;
  };
  return [
    app('argo-cd', (scope) => new ArgoCdChart(scope, 'applications', options)),
    app('flux', (scope) => new FluxStepsChart(scope, 'steps', options)),
    app('flux/operators', (scope) => new FluxOperatorsChart(scope, 'release', options)),
    app('flux/application', (scope) => {
      // It enforces Pod Security, so it is an object of its own: one that Helm makes would have no labels.
      new NamespaceChart(scope, 'namespace', options.environment);
      new FluxApplicationChart(scope, 'release', options);
    }),
  ];
};
