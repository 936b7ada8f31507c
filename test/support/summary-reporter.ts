/**
 * Counts the tests of all projects. Whatever fails without being a test counts as a failure too: a file that cannot be
 * loaded, a hook, an error that nobody caught.
 * Under `npm test` the counts go to the parent process, which prints them after everything else; otherwise they are
 * printed when this process exits.
 */
import type { SerializedError } from 'vitest';
import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';
import { summaryLine, type Summary } from '../../infra/local/bootstrap/summary.mjs';

export default class SummaryReporter implements Reporter {
  onTestRunEnd(
    modules: readonly TestModule[],
    unhandledErrors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    const summary = summarise(modules, unhandledErrors.length, reason);
    if (process.send !== undefined) process.send({ summary });
    else
      process.once('exit', () => {
        console.log(summaryLine(summary));
      });
  }
}

const summarise = (modules: readonly TestModule[], unhandled: number, reason: TestRunEndReason): Summary => {
  const summary = { passed: 0, failed: unhandled, skipped: 0 };
  for (const module of modules) {
    if (module.errors().length > 0) summary.failed += 1;
    for (const suite of module.children.allSuites()) if (suite.errors().length > 0) summary.failed += 1;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      // A test that never ended was cut off.
      summary[state === 'pending' ? 'failed' : state] += 1;
    }
  }
  if (reason !== 'passed' && summary.failed === 0) summary.failed = 1;
  return summary;
};
