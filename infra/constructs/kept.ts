/**
 * What a tool must not delete by itself, as each tool reads it: Helm at an uninstall or when it is gone from the chart, Argo
 * CD at a prune or when the Application is deleted, Flux when a Kustomization no longer has it. Whoever means it deletes the
 * object by name, as `ops teardown` does.
 */
export const KEPT: Readonly<Record<string, string>> = {
  'helm.sh/resource-policy': 'keep',
  'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
  'kustomize.toolkit.fluxcd.io/prune': 'disabled',
};
