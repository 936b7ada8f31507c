/** A pod that calls the product from inside the cluster: scripts for node, run by `kubectl exec`. */
import { spawn } from 'node:child_process';
import { inject } from 'vitest';
import type { Manifest } from '../../support/manifests.ts';
import { mustKubectl, toYaml } from './cluster.ts';

export interface RunningScript {
  /** Ends the script's standard input, and returns what it printed. @throws when it failed */
  finish(): Promise<string>;
}

export interface Client {
  /** Starts an ES module; it may run until its standard input ends. */
  start(script: string): RunningScript;
  /** Runs an ES module that prints JSON. */
  run<T>(script: string): Promise<T>;
}

const NAME = 'client';

/** Makes the namespace and the pod in it. */
export const startClient = async (
  namespace: string,
  image: string,
  pullPolicy: 'Always' | 'IfNotPresent' | 'Never',
): Promise<Client> => {
  await mustKubectl(['apply', '-f', '-'], toYaml(manifests(namespace, image, pullPolicy)));
  await mustKubectl(['-n', namespace, 'wait', '--for=condition=Ready', `pod/${NAME}`, '--timeout=60s']);
  const start = (script: string): RunningScript => {
    const child = spawn(
      inject('kubectl'),
      ['-n', namespace, 'exec', '-i', NAME, '--', 'node', '--input-type=module', '-e', script],
      { env: { ...process.env, KUBECONFIG: inject('kubeconfig') } },
    );
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
    const ended = new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        if (code === 0) resolve(output.stdout);
        else reject(new Error(`the script ended with ${code}: ${output.stderr}${output.stdout}`));
      });
    });
    // Looked at by `finish`; a script that fails earlier is no unhandled rejection.
    ended.catch(() => undefined);
    return {
      finish: () => {
        child.stdin.end();
        return ended;
      },
    };
  };
  return { start, run: async <T>(script: string) => JSON.parse(await start(script).finish()) as T };
};

const manifests = (namespace: string, image: string, imagePullPolicy: string): Manifest[] => [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: NAME, namespace },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: NAME, image, imagePullPolicy, args: ['-e', 'setInterval(() => {}, 60_000)'] }],
    },
  },
];
