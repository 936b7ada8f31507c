/** Finds a Java development kit: `JAVA_HOME`, then `PATH`, then the folders where JDKs usually stand. */
import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { UserError } from './fail.mjs';

/** The oldest JDK that Elasticsearch 9 runs on. */
export const MIN_JDK = 21;

/** @typedef {{ home: string, java: string, javac: string, major: number }} Jdk */

/** Folders that hold one JDK each: Linux distributions, SDKMAN, IDEs, macOS. */
const jvmFolders = () => [
  '/usr/lib/jvm',
  '/usr/lib64/jvm',
  '/usr/java',
  '/opt/java',
  '/opt',
  join(homedir(), '.sdkman/candidates/java'),
  join(homedir(), '.jdks'),
  '/Library/Java/JavaVirtualMachines',
  join(homedir(), 'Library/Java/JavaVirtualMachines'),
];

/**
 * Major version in the text of a JDK's `release` file or of `java -version`; nothing when it names none.
 * Java 8 and older call themselves 1.8 and so on.
 * @param {string} text
 */
export const parseJavaMajor = (text) => {
  const match = /(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)/.exec(text);
  return match === null ? undefined : Number(match[1]);
};

/**
 * Possible JDK homes, the preferred ones first.
 * @param {NodeJS.ProcessEnv} env @param {readonly string[]} folders
 */
export const jdkHomes = (env, folders) => {
  const fromPath = (env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'java'))
    .filter((java) => existsSync(java))
    .map((java) => dirname(dirname(realpathSync(java))));
  const fromFolders = folders.flatMap((folder) =>
    children(folder).flatMap((home) => [home, join(home, 'Contents/Home')]),
  );
  return [...(env.JAVA_HOME ? [env.JAVA_HOME] : []), ...fromPath, ...fromFolders];
};

/** @param {string} folder */
const children = (folder) => {
  try {
    return readdirSync(folder)
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
};

/**
 * The JDK at `home`, or nothing when there is none: a runtime without compiler does not count.
 * @param {string} home
 * @returns {Jdk | undefined}
 */
export const jdkAt = (home) => {
  const [java, javac] = [join(home, 'bin/java'), join(home, 'bin/javac')];
  if (!existsSync(java) || !existsSync(javac)) return undefined;
  const release = join(home, 'release');
  const text = existsSync(release)
    ? readFileSync(release, 'utf8')
    : spawnSync(java, ['-version'], { encoding: 'utf8', timeout: 20_000 }).stderr;
  const major = parseJavaMajor(text);
  return major === undefined ? undefined : { home, java, javac, major };
};

/**
 * The first JDK that is new enough.
 * @param {NodeJS.ProcessEnv} [env] @param {readonly string[]} [folders]
 * @returns {Jdk}
 * @throws UserError when there is none
 */
export const findJdk = (env = process.env, folders = jvmFolders()) => {
  const older = new Set();
  for (const home of jdkHomes(env, folders)) {
    const jdk = jdkAt(home);
    if (jdk !== undefined && jdk.major >= MIN_JDK) return jdk;
    if (jdk !== undefined) older.add(jdk.major);
  }
  const found = older.size === 0 ? 'none was found' : `only Java ${[...older].join(', ')} was found`;
  throw new UserError(
    `Kafka and Elasticsearch need a JDK ${MIN_JDK} or later, and ${found}: install one ` +
      `(Debian 13 and Ubuntu: apt-get install openjdk-21-jdk-headless) or point JAVA_HOME at it.`,
  );
};

/**
 * The `mvn` to run, and the environment to run it in: Maven needs a Java, and the one that was found will do.
 * @param {Jdk} jdk @param {NodeJS.ProcessEnv} [env]
 * @throws UserError when Maven is not installed
 */
export const findMaven = (jdk, env = process.env) => {
  const folders = [env.MAVEN_HOME, env.M2_HOME].filter((home) => home).map((home) => join(String(home), 'bin'));
  const mvn = [...folders, ...(env.PATH ?? '').split(delimiter)]
    .map((folder) => join(folder, 'mvn'))
    .find((path) => existsSync(path));
  if (mvn !== undefined) return { mvn, env: { JAVA_HOME: jdk.home, ...env } };
  throw new UserError(
    'Maven is needed once, to fetch the jars of Kafka and Elasticsearch: ' +
      'install it (Debian and Ubuntu: apt-get install maven) and try again.',
  );
};
