/** OpenAPI Generator, fetched once by Maven into the cache outside the clone. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached } from '../../infra/local/bootstrap/cache.mjs';
import { findJdk, findMaven } from '../../infra/local/bootstrap/jdk.mjs';
import { runMaven } from '../../infra/local/maven.ts';

const VERSION = '7.25.0';
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy';

/**
 * Writes a client.
 * @param document path of an OpenAPI document @param folder where the client goes
 * @throws with the generator's words when it refuses the document
 */
export const generateClient = async (
  generator: string,
  document: string,
  folder: string,
  properties: Readonly<Record<string, string>>,
): Promise<void> => {
  const jdk = findJdk();
  const { mvn, env } = findMaven(jdk);
  const jar = `openapi-generator-cli-${VERSION}.jar`;
  const entry = await cached(`openapi-generator-${VERSION}`, async (home) => {
    const artifact = `-Dartifact=org.openapitools:openapi-generator-cli:${VERSION}`;
    await runMaven(
      `OpenAPI Generator ${VERSION}`,
      mvn,
      ['--batch-mode', COPY, artifact, `-DoutputDirectory=${home}`],
      env,
    );
  });
  const more = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
  const options = ['generate', '-i', document, '-g', generator, '-o', folder, '--additional-properties', more.join()];
  await promisify(execFile)(join(jdk.home, 'bin/java'), ['-jar', join(entry, jar), ...options], {
    maxBuffer: 16 * 1024 * 1024,
  });
};
