/**
 * The cluster of a test run: the one that `KUBECONFIG` names, or the lab, which is built when it is not there (half an
 * hour, once; cached outside the clone), started when it does not run, and stopped again if this run started it.
 */
import { spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

interface Images {
  readonly api: string;
  readonly indexer: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    kubeconfig: string;
    /** Path of kubectl. */
    kubectl: string;
    /** Path of helm. */
    helm: string;
    /** Path of the Starlark interpreter. */
    starlark: string;
    /** Path of the S3 server. */
    versitygw: string;
    /** Images of the services; empty when a cluster was given without them. */
    images: Images;
    /** Images of the release before; empty where they have to be made, or were not given. */
    previousImages: Images;
    /** Image of CloudNativePG's instances; empty for the operator's own choice. */
    postgresImage: string;
    /** Where pods reach servers on this machine. */
    hostAddress: string;
    /** The same for pods of the RuntimeClass `ipv6`, which have IPv6 only. */
    hostAddressIPv6: string;
  }
}

const folder = join(import.meta.dirname, '../lab');
const labHome = (): string =>
  process.env['KUBE_LAB_HOME'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'kube-lab');

const run = (name: string, command: string, args: readonly string[]): void => {
  console.log(name);
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${name} failed: see its messages above, and test/cluster/lab/README.md`);
};
const lab = (command: string): void => {
  run(`kube-lab ${command}`, join(folder, 'kube-lab'), [command]);
};

const isUp = (): boolean => {
  const { stdout } = spawnSync(join(folder, 'kube-lab'), ['status'], { encoding: 'utf8' });
  return /^kube-apiserver\s+running/m.test(stdout);
};

export default function setup(project: TestProject): () => void {
  const { KUBECONFIG, TEST_API_IMAGE = '', TEST_INDEXER_IMAGE = '', TEST_HOST_ADDRESS = '' } = process.env;
  const { TEST_PREVIOUS_API_IMAGE = '', TEST_PREVIOUS_INDEXER_IMAGE = '' } = process.env;
  project.provide('previousImages', { api: TEST_PREVIOUS_API_IMAGE, indexer: TEST_PREVIOUS_INDEXER_IMAGE });
  if (KUBECONFIG) {
    project.provide('kubeconfig', KUBECONFIG);
    project.provide('kubectl', 'kubectl');
    project.provide('helm', 'helm');
    project.provide('starlark', 'starlark');
    project.provide('versitygw', 'versitygw');
    project.provide('images', { api: TEST_API_IMAGE, indexer: TEST_INDEXER_IMAGE });
    project.provide('postgresImage', '');
    project.provide('hostAddress', TEST_HOST_ADDRESS);
    project.provide('hostAddressIPv6', process.env['TEST_HOST_ADDRESS_IPV6'] ?? '');
    return () => undefined;
  }
  lab('build');
  const wasUp = isUp();
  if (!wasUp) lab('up');
  // The project `image` judges what the Dockerfile makes; the others need no Docker for their pods.
  if (project.name === 'image') lab('docker-images');
  else run('images of the services', process.execPath, [join(folder, 'app-images.mjs')]);
  project.provide('kubeconfig', join(labHome(), 'run/admin.kubeconfig'));
  project.provide('kubectl', join(labHome(), 'bin/kubectl'));
  project.provide('helm', join(labHome(), 'bin/helm'));
  project.provide('starlark', join(labHome(), 'bin/starlark'));
  project.provide('versitygw', join(labHome(), 'bin/versitygw'));
  project.provide('images', { api: 'taskstream/api:lab', indexer: 'taskstream/indexer:lab' });
  project.provide('postgresImage', 'kube-lab.local/postgresql:15');
  // The host's end of the bridge that all pods are on.
  project.provide('hostAddress', '10.244.0.1');
  project.provide('hostAddressIPv6', 'fd6b:6c61:6230::1');
  return () => {
    if (!wasUp) lab('down');
  };
}
