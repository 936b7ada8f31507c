/** What becomes of pods, seen as it happens: a pod that is deleted takes its exit code with it. */
import { spawn } from 'node:child_process';
import { inject } from 'vitest';
import type { Manifest } from '../../support/manifests.ts';
import { waitFor } from '../../support/wait.ts';

export interface ContainerExit {
  readonly exitCode: number;
  readonly reason: string;
}

export interface PodWatch {
  /** Pods that are ready, at least `count` of them. */
  running(count: number): Promise<Manifest[]>;
  /** How the pod's container ended. */
  exitOf(name: string): Promise<ContainerExit>;
  /** Names and exits of all pods that ended so far. */
  readonly exits: ReadonlyMap<string, ContainerExit>;
  close(): void;
}

/** Follows the pods that a label selector selects. */
export const watchPods = (namespace: string, selector: string): PodWatch => {
  const child = spawn(
    inject('kubectl'),
    [
      '-n',
      namespace,
      'get',
      'pods',
      '-l',
      selector,
      '--watch',
      '--output-watch-events',
      '-o',
      'jsonpath={.object}{"\\n"}',
    ],
    { env: { ...process.env, KUBECONFIG: inject('kubeconfig') }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const pods = new Map<string, Manifest>();
  const exits = new Map<string, ContainerExit>();
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter((text) => text !== '')) {
      const pod = JSON.parse(line) as Manifest;
      pods.set(pod.metadata.name, pod);
      const ended = pod['status'].containerStatuses?.[0]?.state?.terminated as ContainerExit | undefined;
      if (ended !== undefined) exits.set(pod.metadata.name, ended);
    }
  });
  const isReady = (pod: Manifest): boolean =>
    !('deletionTimestamp' in pod.metadata) && pod['status'].containerStatuses?.[0]?.ready === true;
  return {
    running: (count) =>
      waitFor(`${count} pods of ${selector}`, () => {
        const ready = [...pods.values()].filter(isReady);
        return ready.length >= count ? ready : undefined;
      }),
    exitOf: (name) => waitFor(`the end of ${name}`, () => exits.get(name), { timeoutMs: 90_000 }),
    exits,
    close: () => {
      child.kill();
    },
  };
};
