/**
 * The jars of Kafka and Elasticsearch: fetched once by Maven, as the `pom.xml` files under `jars/` pin them, into the
 * cache outside the clone. A changed pom or launcher makes a new entry.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached } from './bootstrap/cache.mjs';
import { findMaven, type Jdk } from './bootstrap/jdk.mjs';
import { runMaven, runTool } from './maven.ts';

const KAFKA_POM = fileURLToPath(new URL('jars/kafka/pom.xml', import.meta.url));
const ELASTICSEARCH_POM = fileURLToPath(new URL('jars/elasticsearch/pom.xml', import.meta.url));
const LAUNCHER = fileURLToPath(new URL('ElasticsearchNode.java', import.meta.url));
const ANALYSIS = fileURLToPath(new URL('AnalysisCommon.java', import.meta.url));

/** A folder of the cache with what a server needs. */
export interface ServerHome {
  readonly folder: string;
  readonly classpath: string;
}

/** Kafka's jars. @throws UserError when Maven is missing or fails */
export const kafkaHome = (jdk: Jdk): Promise<ServerHome> =>
  home('kafka', [KAFKA_POM], async (folder) => {
    await fetchJars('Kafka', jdk, KAFKA_POM, join(folder, 'lib'));
  });

/** Elasticsearch's jars, its modules for transport and analysis, and our launcher. @throws UserError when Maven is missing or fails */
export const elasticsearchHome = (jdk: Jdk): Promise<ServerHome> =>
  home('elasticsearch', [ELASTICSEARCH_POM, LAUNCHER, ANALYSIS], async (folder) => {
    const lib = join(folder, 'lib');
    await fetchJars('Elasticsearch', jdk, ELASTICSEARCH_POM, lib);
    installTransport(folder, lib);
    const analysis = installModule(folder, {
      name: 'analysis-common',
      description: 'What our mappings use of the module of this name',
      classname: 'AnalysisCommon',
    });
    await compile(jdk, lib, ANALYSIS, join(analysis, 'analysis-common.jar'));
    await compile(jdk, lib, LAUNCHER, join(lib, 'launcher.jar'));
  });

const home = async (name: string, inputs: readonly string[], make: (folder: string) => Promise<void>) => {
  const hash = createHash('sha256');
  for (const input of inputs) hash.update(readFileSync(input));
  const entry = `${name}-${versionIn(inputs[0] ?? '')}-${hash.digest('hex').slice(0, 12)}`;
  const folder = await cached(entry, make, {
    onWait: () => {
      console.error(`  waiting for another process that fetches the jars of ${name}`);
    },
  });
  const lib = join(folder, 'lib');
  // Sorted: the class data archive holds for one order of the class path.
  const jars = readdirSync(lib).sort();
  return { folder, classpath: jars.map((jar) => join(lib, jar)).join(':') };
};

/** Version of the first dependency of a pom. */
const versionIn = (pom: string): string =>
  /<dependency>[^]*?<version>([^<]+)<\/version>/.exec(readFileSync(pom, 'utf8'))?.[1] ?? 'unknown';

const fetchJars = async (title: string, jdk: Jdk, pom: string, folder: string): Promise<void> => {
  const { mvn, env } = findMaven(jdk);
  const args = ['--batch-mode', '--file', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`];
  await runMaven(`${title} ${versionIn(pom)}`, mvn, [...args, '-DincludeScope=runtime'], env);
};

/** Into a jar and not a folder: the JVM's class data archive takes no folders. */
const compile = async (jdk: Jdk, lib: string, source: string, jar: string): Promise<void> => {
  const classes = `${jar}.classes`;
  await runTool(jdk.javac, ['--release', '21', '-cp', join(lib, '*'), '-d', classes, source]);
  await runTool(join(jdk.home, 'bin/jar'), ['--create', '--file', jar, '-C', classes, '.']);
  rmSync(classes, { recursive: true });
};

/** Elasticsearch loads its HTTP layer as a module from a folder of its own, which must not be on the class path too. */
const installTransport = (folder: string, lib: string): void => {
  const module = installModule(folder, {
    name: 'transport-netty4',
    description: 'HTTP and transport by Netty',
    classname: 'org.elasticsearch.transport.netty4.Netty4Plugin',
  });
  for (const jar of readdirSync(lib).filter((name) => /^(netty|transport-netty4)-/.test(name)))
    renameSync(join(lib, jar), join(module, jar));
};

/** @returns the module's folder, for its jars */
const installModule = (folder: string, about: { name: string; description: string; classname: string }): string => {
  const module = join(folder, 'modules', about.name);
  mkdirSync(module, { recursive: true });
  const descriptor = {
    ...about,
    version: versionIn(ELASTICSEARCH_POM),
    'elasticsearch.version': versionIn(ELASTICSEARCH_POM),
    'java.version': '21',
    'has.native.controller': 'false',
    licensed: 'false',
    'extended.plugins': '',
  };
  const lines = Object.entries(descriptor).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(join(module, 'plugin-descriptor.properties'), lines.join(''));
  return module;
};
