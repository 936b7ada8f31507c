/** `ops wait`: returns when the operators, the servers or the whole product are ready; meanwhile it says what is not. */
import { SingleBar } from 'cli-progress';
import { Argument, Command, InvalidArgumentError } from 'commander';
import { messageOf } from '../../platform/errors.ts';
import { sleep } from '../../platform/time.ts';
import { helpText } from '../cli/help.ts';
import { connectToCluster, withClusterOptions, type Cluster, type ClusterOptions } from '../cli/kubernetes.ts';
import { readOperators } from '../status/operators.ts';
import { readStatus } from '../status/read.ts';
import { isReady, lineOf, tableOf, type ShownRow } from '../status/show.ts';

const READERS = {
  operators: readOperators,
  'data-plane': (cluster: Cluster) => readStatus(cluster, ['data-plane']),
  all: (cluster: Cluster) => readStatus(cluster, ['data-plane', 'application']),
} as const satisfies Record<string, (cluster: Cluster) => Promise<readonly ShownRow[]>>;
type Target = keyof typeof READERS;

const POLL_MS = 1_000;

export const waitCommand = (): Command =>
  withClusterOptions(new Command('wait'))
    .addArgument(
      new Argument(
        '<what>',
        'operators: kinds known, webhooks answer; data-plane: the servers; all: everything',
      ).choices(Object.keys(READERS)),
    )
    .option('--timeout <seconds>', 'how long to wait', seconds, 600)
    .addHelpText(
      'after',
      helpText({
        exits: { 0: 'it is ready', 1: 'the time is over, a Job has failed for good, or it could not run' },
        examples: ['npm run ops -- wait operators', 'npm run ops -- wait all -n taskstream --timeout 1800'],
      }),
    )
    .action(async (target: Target, { timeout, ...options }: ClusterOptions & { timeout: number }) => {
      const cluster = connectToCluster(options);
      const last = await waitUntilReady(() => READERS[target](cluster), timeout * 1_000);
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
    });

const seconds = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number of seconds.');
  return value;
};

/** Prints each change, and on a terminal a bar; an API server that does not answer is waited for too. */
const waitUntilReady = async (
  read: () => Promise<readonly ShownRow[]>,
  timeoutMs: number,
): Promise<readonly ShownRow[]> => {
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
      const lines = new Map(rows.map((row) => [`${row.kind}/${row.name}`, lineOf(row)]));
      say([...lines].filter(([id, line]) => shown.get(id) !== line).map(([, line]) => line));
      shown = lines;
    } catch (error) {
      const line = `the cluster does not answer: ${messageOf(error)}`;
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
  return rows;
};
