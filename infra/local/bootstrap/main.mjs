/** The commands of the bootstrap: check what the machine must have, install what npm brings, run the tool. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheRoot } from './cache.mjs';
import { printError, UserError } from './fail.mjs';
import { install, ROOT } from './install.mjs';
import { findJdk, findMaven } from './jdk.mjs';
import { summaryLine } from './summary.mjs';
import { supervise } from './supervise.mjs';

/** @typedef {(args: string[]) => Promise<number>} Command resolves to the exit code */

/** @param {string} script @returns {Command} */
const runScript = (script) => async (args) => {
  const { code } = await supervise(script, ['--import', 'tsx', join(ROOT, script), ...args]);
  return code;
};

/** @type {Command} */
const start = async (args) => {
  const needsJava = !process.env.KAFKA_BROKERS || !process.env.ELASTICSEARCH_URL;
  if (needsJava) checkJava();
  await install();
  return runScript('infra/local/start.ts')(args);
};

/** Runs a script that starts servers. @param {string} script @returns {Command} */
const onServers = (script) => async (args) => {
  checkJava();
  await install();
  return runScript(script)(args);
};

/** Runs a script that needs the packages alone. @param {string} script @returns {Command} */
const onPackages = (script) => async (args) => {
  await install();
  return runScript(script)(args);
};

/**
 * Runs all tests, or those that the arguments choose, and prints `N passed, N failed` as the last line.
 * @type {Command}
 */
const test = async (args) => {
  const chosen = args.filter((arg, index) => arg.startsWith('--project') || args[index - 1] === '--project').join(' ');
  const withServers = chosen === '' || !/\b(unit|infra)$/.test(chosen);
  const given = process.env.TEST_KAFKA_BROKERS && process.env.TEST_ELASTICSEARCH_URL;
  if (withServers && !given) checkJava();
  await install();
  const reporter = './test/support/summary-reporter.ts';
  // Given on the command line, reporters replace those of the configuration.
  const reporters = args.some((arg) => arg.startsWith('--reporter')) ? [`--reporter=${reporter}`] : [];
  const { code, messages } = await supervise('vitest', [
    join(ROOT, 'node_modules/vitest/vitest.mjs'),
    'run',
    ...reporters,
    // The cluster tests need root and, the first time, half an hour: npm run test:cluster.
    ...(chosen === '' ? ['--project=unit', '--project=infra', '--project=integration'] : []),
    ...args,
  ]);
  const summary = messages.map((message) => message.summary).find((found) => found !== undefined);
  const counts = summary ?? { passed: 0, failed: 0, skipped: 0 };
  // A fault outside of any test: a broken configuration, a server that did not start or stop.
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  console.log(summaryLine(counts));
  return code === 0 && counts.failed > 0 ? 1 : code;
};

/** Fails early: these are wanted only after minutes of installing. Maven only while the jars are not in the cache. */
const checkJava = () => {
  const jdk = findJdk();
  const root = cacheRoot();
  const entries = existsSync(root) ? readdirSync(root) : [];
  const isThere = (/** @type {RegExp} */ name) => entries.some((entry) => name.test(entry));
  if (!isThere(/^kafka-\d[^/]*[0-9a-f]$/) || !isThere(/^elasticsearch-\d[^/]*[0-9a-f]$/)) findMaven(jdk);
};

/** @type {Record<string, Command | undefined>} */
const COMMANDS = {
  start,
  test,
  ops: onPackages('services/ops/main.ts'),
  init: onPackages('infra/init/main.ts'),
  'dev:servers': onServers('infra/local/dev-servers.ts'),
  'test:chaos': onServers('test/chaos/main.ts'),
  'test:contract': onServers('test/contract/main.ts'),
  bench: onServers('test/load/main.ts'),
  install: () => install().then(() => 0),
};

/**
 * Runs a command and ends the process with its exit code.
 * @param {string[]} argv
 */
export const main = async ([name = '', ...args]) => {
  try {
    const command = COMMANDS[name];
    if (command === undefined) throw new UserError(`Say one of: ${Object.keys(COMMANDS).join(', ')}.`);
    process.exit(await command(args));
  } catch (error) {
    printError(error);
    if (name === 'test') console.log(summaryLine({ passed: 0, failed: 1, skipped: 0 }));
    process.exit(1);
  }
};
