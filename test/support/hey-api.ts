/** The generator of hey-api, with the Node that it wants. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findLaterNode, packagesOf } from './npm-fixture.ts';

/**
 * Writes a client to `client` in a folder, with imports as Node resolves them.
 * @param folder has `openapi.json`
 * @throws with the generator's words when it refuses the document
 */
export const generateHeyApiClient = async (folder: string): Promise<void> => {
  const generator = join(await packagesOf('hey-api'), '@hey-api/openapi-ts/bin/run.js');
  const config = { input: 'openapi.json', output: { path: 'client', importFileExtension: '.js' } };
  await writeFile(join(folder, 'openapi-ts.config.mjs'), `export default ${JSON.stringify(config)};\n`);
  await promisify(execFile)(await findLaterNode(), [generator], { cwd: folder });
};
