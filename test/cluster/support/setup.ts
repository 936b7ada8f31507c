/**
 * The cluster of a test run: the one that `KUBECONFIG` names, or the lab, which is built when it is not there (half an
 * hour, once; cached outside the clone), started when it does not run, and stopped again if this run started it.
 */
import { spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    kubeconfig: string;
    /** Path of kubectl. */
    kubectl: string;
  }
}

const lab = join(import.meta.dirname, '../lab/kube-lab');
const labHome = (): string =>
  process.env['KUBE_LAB_HOME'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'kube-lab');

const run = (command: string): void => {
  console.log(`kube-lab ${command}`);
  const { status } = spawnSync(lab, [command], { stdio: 'inherit' });
  if (status !== 0)
    throw new Error(`kube-lab ${command} failed: see its messages above, and test/cluster/lab/README.md`);
};

const isUp = (): boolean => {
  const { stdout } = spawnSync(lab, ['status'], { encoding: 'utf8' });
  return /^kube-apiserver\s+running/m.test(stdout);
};

export default function setup(project: TestProject): () => void {
  const own = process.env['KUBECONFIG'];
  if (own) {
    project.provide('kubeconfig', own);
    project.provide('kubectl', 'kubectl');
    return () => undefined;
  }
  run('build');
  const wasUp = isUp();
  if (!wasUp) run('up');
  project.provide('kubeconfig', join(labHome(), 'run/admin.kubeconfig'));
  project.provide('kubectl', join(labHome(), 'bin/kubectl'));
  return () => {
    if (!wasUp) run('down');
  };
}
