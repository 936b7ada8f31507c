import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { connectToCluster } from '../../services/ops/cli/kubernetes.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'taskstream-home-'));
  vi.stubEnv('HOME', home);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

it.each([
  ['no kubeconfig at all', undefined, /no Kubernetes cluster to talk to: set KUBECONFIG/],
  ['a KUBECONFIG that is not there', '/nowhere/config', /kubeconfig cannot be used \(ENOENT.*\/nowhere\/config/],
])('a command that finds no cluster says what to do, with %s', (_, path, message) => {
  vi.stubEnv('KUBECONFIG', path);
  expect(() => connectToCluster({})).toThrow(message);
});
