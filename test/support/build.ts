/** The services as they run in their images: compiled, without a compiler beside them. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { COMPILE, completeCompiled, removeCompiled } from '../../infra/local/bootstrap/compiled.mjs';

const root = join(import.meta.dirname, '../..');

/** Compiles into `build/`, and returns that folder. @throws with the compiler's words when the sources do not compile */
export const buildServices = async (): Promise<string> => {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  removeCompiled(root);
  await promisify(execFile)(process.execPath, [compiler, ...COMPILE], { cwd: root }).catch((error: unknown) => {
    // The compiler speaks on its standard output.
    const words = error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error);
    throw new Error(`the services do not compile:\n${words}`, { cause: error });
  });
  completeCompiled(root);
  return join(root, 'build');
};
