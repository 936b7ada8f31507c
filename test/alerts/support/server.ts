/** A Prometheus that scrapes what it is told to and evaluates the rules. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import { stringify } from 'yaml';
import { waitFor } from '../../support/wait.ts';
import { findPrometheus } from './prometheus.mjs';

export interface Target {
  /** `host:port`; the path is /metrics. */
  readonly address: string;
  /** What a PodMonitor would add. */
  readonly labels: Readonly<Record<string, string>>;
  /** How often it is asked, and how long it may take to answer: `1s` unless given. */
  readonly interval?: string;
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export interface RuleState {
  readonly name: string;
  /** `ok`, `err` or `unknown` as long as it was not evaluated. */
  readonly health: string;
  readonly lastError?: string;
}

export interface PrometheusServer {
  /** @throws with Prometheus' words when it refuses the query */
  query(expr: string): Promise<readonly Sample[]>;
  rules(): Promise<readonly RuleState[]>;
  close(): Promise<void>;
}

export const startPrometheus = async (targets: readonly Target[], rules: object): Promise<PrometheusServer> => {
  const { prometheus } = await findPrometheus();
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-prometheus-'));
  const config = join(folder, 'prometheus.yaml');
  writeFileSync(join(folder, 'rules.yaml'), stringify(rules));
  writeFileSync(
    config,
    stringify({
      global: { evaluation_interval: '1s' },
      rule_files: ['rules.yaml'],
      scrape_configs: targets.map(({ address, labels, interval = '1s' }) => ({
        job_name: address,
        scrape_interval: interval,
        scrape_timeout: interval,
        static_configs: [{ targets: [address], labels }],
      })),
    }),
  );
  const address = `127.0.0.1:${await getPort()}`;
  const child = spawn(
    prometheus,
    [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=${address}`],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(`http://${address}${path}`);
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(answer.error ?? `status ${response.status}`);
    return answer.data;
  };
  await waitFor('Prometheus to be ready', async () => {
    if (child.exitCode !== null) throw new Error(log);
    return (await fetch(`http://${address}/-/ready`)).ok;
  });
  return {
    query: async (expr) => (await get<{ result: Sample[] }>(`/api/v1/query?query=${encodeURIComponent(expr)}`)).result,
    rules: async () =>
      (await get<{ groups: { rules: RuleState[] }[] }>('/api/v1/rules')).groups.flatMap((group) => group.rules),
    close: async () => {
      child.kill('SIGTERM');
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
};
