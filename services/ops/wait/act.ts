/** What `ops wait` does. */
import { SingleBar } from 'cli-progress';
import { messageOf } from '../../platform/errors.ts';
import { lineOf } from '../../platform/printable.ts';
import { sleep } from '../../platform/time.ts';
import { connectToCluster, type Cluster } from '../cli/kubernetes.ts';
import { readOperators } from '../status/operators.ts';
import { readStatus } from '../status/read.ts';
import type { Target } from './command.ts';
import type { ClusterOptions } from '../cli/cluster-options.ts';
import { isReady, rowLine, tableOf, type ShownRow } from '../status/show.ts';

const READERS = {
  operators: readOperators,
  'data-plane': (cluster: Cluster) => readStatus(cluster, ['data-plane']),
  all: (cluster: Cluster) => readStatus(cluster, ['data-plane', 'application']),
} as const satisfies Record<Target, (cluster: Cluster) => Promise<readonly ShownRow[]>>;

const POLL_MS = 1_000;

/** Prints each change, and on a terminal a bar; an API server that does not answer is waited for too, and then there are no rows. */
const waitUntilReady = async (
  read: () => Promise<readonly ShownRow[]>,
  timeoutMs: number,
): Promise<readonly ShownRow[] | undefined> => {
  const deadline = performance.now() + timeoutMs;
  const bar = new SingleBar({ format: '{bar} {value} of {total} ready, {duration_formatted}', clearOnComplete: true });
  const isTerminal = process.stderr.isTTY;
  if (isTerminal) bar.start(0, 0);
  let shown = new Map<string, string>();
  let rows: readonly ShownRow[] = [];
  const say = (lines: readonly string[]) => {
    if (isTerminal && lines.length > 0) bar.stop();
    for (const line of lines) process.stderr.write(`${line}\n`);
    if (isTerminal && lines.length > 0) bar.start(rows.length, 0);
  };
  for (;;) {
    try {
      rows = await read();
      const lines = new Map(rows.map((row) => [`${row.kind}/${row.name}`, rowLine(row)]));
      say([...lines].filter(([id, line]) => shown.get(id) !== line).map(([, line]) => line));
      shown = lines;
    } catch (error) {
      const line = lineOf(`the cluster does not answer: ${messageOf(error)}`);
      if (shown.get('') !== line) say([line]);
      shown = new Map([['', line]]);
      rows = [];
    }
    if (isTerminal) {
      bar.setTotal(rows.length);
      bar.update(rows.filter(({ state }) => state === 'ready').length);
    }
    const isOver = performance.now() > deadline || rows.some(({ state }) => state === 'failed');
    if (isReady(rows) || isOver) break;
    await sleep(POLL_MS);
  }
  if (isTerminal) bar.stop();
  return shown.has('') ? undefined : rows;
};

export const waitFor = async (target: Target, { timeout, ...options }: ClusterOptions & { timeout: number }) => {
  const cluster = connectToCluster(options);
  const last = await waitUntilReady(() => READERS[target](cluster), timeout * 1_000);
  if (last === undefined) {
    process.stderr.write(`The cluster does not answer after ${timeout} s.\n`);
    process.exitCode = 1;
    return;
  }
  if (last.length > 0) process.stdout.write(`${tableOf(last)}\n`);
  if (isReady(last)) return;
  const failed = last.find(({ state }) => state === 'failed');
  const reason =
    failed !== undefined
      ? `${failed.kind} ${failed.name} has failed: repair the cause, delete it and apply the manifests again`
      : last.length === 0
        ? `There was nothing to wait for in namespace ${cluster.namespace}: apply the manifests first`
        : `Not ready after ${timeout} s: the table says what is not`;
  process.stderr.write(`${reason}.\n`);
  process.exitCode = 1;
};
