/** The cluster as tests use it: kubectl, and namespaces of their own. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { stringify } from 'yaml';
import { environmentOf } from '../../../infra/environments/index.ts';
import type { Environment } from '../../../infra/environments/schema.ts';
import type { Manifest } from '../../support/manifests.ts';

/** Whether tests that take minutes each run too, which CI leaves out. */
export const isLongForm = process.env['CLUSTER_TESTS'] === 'all';

export interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export const run = (
  command: string,
  args: readonly string[],
  options: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Output> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, KUBECONFIG: inject('kubeconfig'), ...options.env } });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, ...output });
    });
    // A program may end without having read its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });

export const kubectl = (args: readonly string[], input?: string): Promise<Output> =>
  run(inject('kubectl'), args, input === undefined ? {} : { input });

/** As `kubectl`, but a failure is an error. */
export const mustKubectl = async (args: readonly string[], input?: string): Promise<string> => {
  const { code, stdout, stderr } = await kubectl(args, input);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
};

/** The project's own command line, with more in its environment. */
export const opsWith = (env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Output> =>
  run(process.execPath, ['--import', 'tsx', 'services/ops/main.ts', ...args], { env });

export const ops = (...args: readonly string[]): Promise<Output> => opsWith({}, ...args);

export const getJson = async (...args: readonly string[]): Promise<any> =>
  JSON.parse(await mustKubectl(['get', '-o', 'json', ...args]));

export const toYaml = (manifests: readonly Manifest[]): string =>
  manifests.map((manifest) => stringify(manifest)).join('---\n');

/** An environment in a namespace nobody else uses. */
export const isolated = (name: string): Environment => ({
  ...environmentOf(name),
  namespace: `test-${randomUUID().slice(0, 8)}`,
});

export const deleteNamespace = async (namespace: string): Promise<void> => {
  await mustKubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--wait=false']);
};
