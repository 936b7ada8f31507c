/** promtool over the rules as the manifests have them. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { rulesSpec, type RulesOptions } from '../../../infra/alerts/index.ts';
import { findPrometheus } from './prometheus.mjs';

const run = promisify(execFile);

export interface Promtool {
  /** Path of the file of rules. */
  readonly rules: string;
  /** @throws with promtool's words when it finds a fault */
  check(): Promise<string>;
  /**
   * Runs unit tests in promtool's format.
   * @param interval of the evaluation: no longer than that of the series, which go stale after five minutes otherwise
   * @throws with promtool's words when one fails
   */
  test(interval: string, tests: readonly object[]): Promise<void>;
  close(): void;
}

export const startPromtool = async (options: RulesOptions): Promise<Promtool> => {
  const { promtool } = await findPrometheus();
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-rules-'));
  const rules = join(folder, 'rules.yaml');
  writeFileSync(rules, stringify(rulesSpec(options)));
  const call = async (...args: string[]): Promise<string> => {
    try {
      return (await run(promtool, args)).stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`promtool ${args.slice(0, 2).join(' ')}:\n${stdout}${stderr}`, { cause: error });
    }
  };
  return {
    rules,
    check: () => call('check', 'rules', '--lint=all', '--lint-fatal', rules),
    test: async (interval, tests) => {
      const file = join(folder, 'test.yaml');
      writeFileSync(file, stringify({ rule_files: [rules], evaluation_interval: interval, tests }));
      await call('test', 'rules', file);
    },
    close: () => {
      rmSync(folder, { recursive: true });
    },
  };
};
