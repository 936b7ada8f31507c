/** The release before this one, from the project's own history, to run beside it. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached } from '../../infra/local/bootstrap/cache.mjs';
import { npmCi } from '../../infra/local/bootstrap/install.mjs';
import { ensureKafkaClient } from '../../infra/local/bootstrap/kafka-client.mjs';
import type { Environment } from '../../infra/environments/schema.ts';
import previous from '../fixtures/previous-release.json' with { type: 'json' };
import type { Manifest } from './manifests.ts';

const root = join(import.meta.dirname, '../..');
const git = (...args: readonly string[]) => promisify(execFile)('git', [...args], { cwd: root });

/** Prints the manifests of an environment, which is the argument; run in the release's own folder. */
const SYNTH = `
  import { environmentOf } from './infra/environments/index.ts';
  import { manifestsOf } from './test/support/manifests.ts';
  const environment = JSON.parse(process.argv[1]);
  process.stdout.write(JSON.stringify(manifestsOf({ ...environmentOf(environment.name), ...environment })));`;
const MAX_MANIFESTS_BYTES = 10_000_000;

export interface PreviousRelease {
  readonly version: string;
  /** Folder of its sources, with the packages of its own lock file. */
  readonly checkout: string;
  /** The manifests that it makes of an environment, of which it ignores what it does not know. */
  manifestsOf(environment: Environment): Promise<Manifest[]>;
  remove(): Promise<void>;
}

/** How 0.2.0 said of all three servers that they are elsewhere: on one address, without TLS. */
const externalOf = ({ servers: { kafka, elasticsearch, postgres } }: Environment): unknown => {
  if (kafka.kind !== 'managed' || elasticsearch.kind !== 'managed' || postgres.kind !== 'managed') {
    throw new Error('release 0.2.0 has no words for these servers');
  }
  return {
    kind: 'external',
    address: kafka.brokers.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'),
    kafkaPort: kafka.egress.port,
    elasticsearchPort: elasticsearch.egress.port,
    postgresPort: postgres.egress.port,
    postgresSecret: postgres.serviceSecret,
  };
};

/** The folder with the packages that the release's lock file names: what this release dropped is among them. Kept for the next clone. */
const packagesOf = async (checkout: string): Promise<string> => {
  const lock = await readFile(join(checkout, 'package-lock.json'));
  const key = createHash('sha256').update(lock).update(process.versions.modules).digest('hex').slice(0, 12);
  const entry = await cached(`previous-release-${previous.version}-${key}`, async (folder) => {
    console.error(`Installing the packages of release ${previous.version} (once)`);
    for (const file of ['package.json', 'package-lock.json']) await copyFile(join(checkout, file), join(folder, file));
    npmCi(folder);
    await ensureKafkaClient(join(folder, 'node_modules'));
  });
  return join(entry, 'node_modules');
};

/**
 * Checks the release out beside this one.
 * @throws with what to do when the history is not here, as in a shallow clone
 */
export const checkOutPreviousRelease = async (): Promise<PreviousRelease> => {
  const { version, commit } = previous;
  await git('cat-file', '-e', `${commit}^{commit}`).catch((cause: unknown) => {
    throw new Error(
      `The commit of release ${version} (${commit}) is not in this clone. Fetch the history: git fetch --unshallow`,
      { cause },
    );
  });
  const folder = await mkdtemp(join(tmpdir(), `release-${version}-`));
  const checkout = join(folder, 'checkout');
  await git('worktree', 'add', '--detach', '--force', checkout, commit);
  await symlink(await packagesOf(checkout), join(checkout, 'node_modules'));
  return {
    version,
    checkout,
    manifestsOf: async (environment) => {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [
          '--import',
          'tsx',
          '--input-type=module',
          '--eval',
          SYNTH,
          JSON.stringify({ ...environment, servers: externalOf(environment) }),
        ],
        { cwd: checkout, maxBuffer: MAX_MANIFESTS_BYTES },
      );
      return JSON.parse(stdout) as Manifest[];
    },
    remove: async () => {
      await git('worktree', 'remove', '--force', checkout).catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
      await git('worktree', 'prune');
    },
  };
};
