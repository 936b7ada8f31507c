/** The scripts of package.json: check what the machine must have, install what npm brings, run the tool. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheRoot } from './cache.mjs';
import { COMPILE, completeCompiled, removeCompiled } from './compiled.mjs';
import { printError, UserError } from './fail.mjs';
import { install, ROOT } from './install.mjs';
import { findJdk, findMaven } from './jdk.mjs';
import { exportLines, runningStack, withStack } from './running.mjs';
import { summaryLine } from './summary.mjs';
import { supervise } from './supervise.mjs';

/** @typedef {(args: string[]) => Promise<number>} Command resolves to the exit code */
/**
 * @typedef {object} Script
 * @property {Command} run
 * @property {string} [help] what `--help` prints; a script without it has a help of its own
 */

const isHelp = (/** @type {string | undefined} */ arg) => arg === '--help' || arg === '-h';

/**
 * Runs Node with a script of this clone, or of a package.
 * @param {readonly string[]} script @param {readonly string[]} args @param {NodeJS.ProcessEnv} [env]
 */
const runNode = async (script, args, env) => {
  const { code } = await supervise(script.at(-1) ?? '', [...script, ...args], env);
  return code;
};

/** @param {string} path */
const typeScript = (path) => ['--import', 'tsx', join(ROOT, path)];

/** @type {Command} */
const start = async (args) => {
  const needsJava = !process.env.KAFKA_BROKERS || !process.env.ELASTICSEARCH_URL;
  if (needsJava && !args.some(isHelp)) checkJava();
  await install();
  return runNode(typeScript('infra/local/start.ts'), args);
};

/** Runs a script that starts servers. @param {string} script @returns {Command} */
const onServers = (script) => async (args) => {
  if (!args.some(isHelp)) checkJava();
  await install();
  return runNode(typeScript(script), args);
};

/** Runs a script that needs the packages alone. @param {string} script @returns {Command} */
const onPackages = (script) => async (args) => {
  await install();
  return runNode(typeScript(script), args);
};

/** Runs the tools of packages one after the other, as far as they succeed. @param {readonly (readonly string[])[]} lines @returns {Command} */
const tools =
  (...lines) =>
  async (args) => {
    await install();
    for (const [tool = '', ...flags] of lines) {
      const code = await runNode([join(ROOT, 'node_modules', tool)], [...flags, ...args]);
      if (code !== 0) return code;
    }
    return 0;
  };

/** @type {Command} */
const build = async (args) => {
  removeCompiled(ROOT);
  const code = await tools(['typescript/bin/tsc', ...COMPILE])(args);
  if (code === 0) completeCompiled(ROOT);
  return code;
};

/** The commands of `ops` that talk to Kafka. Machines that only look at a cluster need no compiler for its client. */
const KAFKA_COMMANDS = ['reindex', 'verify', 'dlq', 'events', 'lag'];

/** On the stack that runs in this clone, unless the environment names servers. @type {Command} */
const ops = async (args) => {
  await install({ needsKafka: KAFKA_COMMANDS.includes(args[0] ?? '') && !args.some(isHelp) });
  const running = runningStack(ROOT);
  const absence = absenceOf(running);
  return runNode(typeScript('services/ops/main.ts'), args, {
    ...withStack(process.env, running?.variables),
    // Said only where something is missing: many commands need none of it.
    ...(absence && { TASKSTREAM_MISSING: `${absence} Or set the variables that lead to other servers.` }),
  });
};

/** Why nothing is known of a stack of this clone, and what to do; nothing when it is there. @param {import('./running.mjs').Running | undefined} running */
const absenceOf = (running) => {
  if (running === undefined) return 'The stack of this clone does not run: say npm start in another terminal first.';
  if (running.variables !== null) return undefined;
  return 'The stack of this clone is still starting: try again when npm start says that it is ready.';
};

/** Prints the variables of the stack that runs in this clone. @type {Command} */
const env = async () => {
  const running = runningStack(ROOT);
  const absence = absenceOf(running);
  if (absence !== undefined) throw new UserError(absence);
  for (const line of exportLines(running?.variables ?? {})) console.log(line);
  return 0;
};

/**
 * Runs tests by vitest, and prints `N passed, N failed` as the last line.
 * @param {readonly string[]} flags @param {readonly string[]} args @param {boolean} withServers
 */
const vitest = async (flags, args, withServers) => {
  const given = process.env.TEST_KAFKA_BROKERS && process.env.TEST_ELASTICSEARCH_URL;
  if (withServers && !given) checkJava();
  await install();
  const reporter = './test/support/summary-reporter.ts';
  // Given on the command line, reporters replace those of the configuration.
  const reporters = args.some((arg) => arg.startsWith('--reporter')) ? [`--reporter=${reporter}`] : [];
  const script = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const { code, messages } = await supervise('vitest', [script, 'run', ...reporters, ...flags, ...args]);
  const summary = messages.map((message) => message.summary).find((found) => found !== undefined);
  const counts = summary ?? { passed: 0, failed: 0, skipped: 0 };
  // A fault outside of any test: a broken configuration, a server that did not start or stop.
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  console.log(summaryLine(counts));
  return code === 0 && counts.failed > 0 ? 1 : code;
};

/** All tests, or those of the projects that the arguments choose. @type {Command} */
const test = async (args) => {
  const chosen = args.filter((arg, index) => arg.startsWith('--project') || args[index - 1] === '--project').join(' ');
  // The cluster tests need root and, the first time, half an hour: npm run test:cluster.
  const projects = chosen === '' ? ['--project=unit', '--project=infra', '--project=integration*'] : [];
  return vitest(projects, args, chosen === '' || !/\b(unit|infra)$/.test(chosen));
};

/** The tests that these flags of vitest choose. @param {string[]} flags @returns {Command} */
const tests =
  (...flags) =>
  (args) =>
    vitest(flags, args, !flags.some((flag) => /=(unit|infra)$|^--config=/.test(flag)));

/** Fails early: these are wanted only after minutes of installing. Maven only while the jars are not in the cache. */
const checkJava = () => {
  const jdk = findJdk();
  const root = cacheRoot();
  const entries = existsSync(root) ? readdirSync(root) : [];
  const isThere = (/** @type {RegExp} */ name) => entries.some((entry) => name.test(entry));
  if (!isThere(/^kafka-\d[^/]*[0-9a-f]$/) || !isThere(/^elasticsearch-\d[^/]*[0-9a-f]$/)) findMaven(jdk);
};

/** @param {string} what @param {string} [more] */
const testHelp = (what, more = 'Takes the arguments of vitest, as a part of a file name or -t TITLE.') =>
  `${what}\n${more}`;

/** @type {Record<string, Script | undefined>} */
const SCRIPTS = {
  start: { run: start },
  env: {
    run: env,
    help: 'Prints the variables of the stack that npm start runs in this clone, for a shell:  eval "$(npm run -s env)"',
  },
  ops: { run: ops },
  init: { run: onPackages('infra/init/main.ts') },
  'dev:servers': {
    run: onServers('infra/local/dev-servers.ts'),
    help:
      'Starts the servers alone, until Ctrl-C, and prints the TEST_… variables that make integration tests use them.\n' +
      'Takes the folder for their data and logs; .data/dev unless given.\n' +
      'With --cluster: three nodes of each, as in production, about 3 GB; prints the variables of the services.',
  },
  test: { run: test, help: testHelp('Runs the unit, infra and integration tests.') },
  'test:unit': { run: tests('--project=unit'), help: testHelp('Runs the unit tests; seconds, no server.') },
  'test:infra': {
    run: tests('--project=infra'),
    help: testHelp('Runs the tests of the manifests and of the local tools.'),
  },
  'test:integration': {
    run: tests('--project=integration*'),
    help: testHelp('Runs the integration tests on real servers.'),
  },
  'test:browser': {
    run: tests('--project=browser'),
    help: testHelp('Runs the tests of the console in a real browser.'),
  },
  'test:search': {
    run: tests('--project=integration', 'test/integration/search-quality.test.ts'),
    help: testHelp('Judges search by its set of queries.'),
  },
  'test:pooler': { run: tests('--project=pooler'), help: testHelp('Runs the tests behind PgBouncer.') },
  'test:go': { run: tests('--project=go'), help: testHelp('Runs the tests of a client in Go.') },
  'test:alerts': { run: tests('--project=alerts'), help: testHelp('Runs the tests of alerts and dashboard.') },
  'test:cluster': {
    run: tests('--project=cluster'),
    help: testHelp("Runs the cluster tests on KUBECONFIG's cluster, or on a lab that it builds."),
  },
  'test:image': {
    run: tests('--project=image'),
    help: testHelp("Builds the Dockerfile by Debian's Docker and runs its images in the lab of the cluster tests."),
  },
  'test:init': { run: tests('--config=test/init/vitest.config.ts'), help: testHelp('Checks a renamed copy.') },
  'test:stress': {
    run: onServers('test/stress/main.ts'),
    help: testHelp('Runs tests on a machine that is busy and whose processes stand still now and then (Linux).'),
  },
  'test:chaos': { run: onServers('test/chaos/main.ts') },
  'test:contract': { run: onServers('test/contract/main.ts') },
  bench: { run: onServers('test/load/main.ts') },
  'release:events': {
    run: onPackages('test/contract/release-events.ts'),
    help: "Writes the contract of this version's events into docs/events. Takes no arguments.",
  },
  synth: { run: onPackages('infra/main.ts') },
  chart: { run: onPackages('infra/helm/main.ts'), help: 'Writes the Helm chart from infra/. Takes no arguments.' },
  sbom: {
    run: (args) => runNode([join(ROOT, 'infra/image/sbom.mjs')], args),
    help: 'Prints the bill of materials (CycloneDX) of what runs in production:  npm run --silent sbom',
  },
  gitops: {
    run: onPackages('infra/gitops/main.ts'),
    help:
      'Writes the manifests for Argo CD and Flux to dist/gitops:\n' +
      '  npm run gitops -- --repo GIT_ADDRESS [--revision BRANCH] [--environment NAME]',
  },
  typecheck: {
    run: tools(
      ['typescript/bin/tsc', '--noEmit'],
      ['typescript/bin/tsc', '-p', 'services/api/console/client', '--noEmit'],
    ),
    help: 'Checks the types of all sources. Takes the arguments of tsc.',
  },
  lint: {
    run: tools(['eslint/bin/eslint.js', '.']),
    help: 'Runs the linter. Takes the arguments of eslint, as --fix.',
  },
  'lint:workflows': {
    run: (args) => runNode([join(ROOT, 'test/support/actionlint.mjs')], args),
    help: 'Lints the workflows of the forge, by Go. Takes the arguments of actionlint.',
  },
  format: { run: tools(['prettier/bin/prettier.cjs', '--write', '.']), help: 'Formats all files by prettier.' },
  'format:check': {
    run: tools(['prettier/bin/prettier.cjs', '--check', '.']),
    help: 'Names the files that format would change.',
  },
  build: {
    run: build,
    help:
      'Compiles the services into build/, with all that they need beside node_modules:\n' +
      '  node build/services/ops/main.js migrate',
  },
  install: { run: () => install().then(() => 0), help: 'Installs the npm packages.' },
};

/**
 * Runs a script and ends the process with its exit code.
 * @param {string[]} argv
 */
export const main = async ([name = '', ...args]) => {
  try {
    const script = SCRIPTS[name];
    if (script === undefined) throw new UserError(`Say one of: ${Object.keys(SCRIPTS).join(', ')}.`);
    if (script.help !== undefined && args.some(isHelp)) {
      console.log(`npm ${name === 'test' ? '' : 'run '}${name} [-- ARGUMENTS]\n\n${script.help}`);
      process.exit(0);
    }
    process.exit(await script.run(args));
  } catch (error) {
    printError(error);
    if (name.split(':')[0] === 'test') console.log(summaryLine({ passed: 0, failed: 1, skipped: 0 }));
    process.exit(1);
  }
};
