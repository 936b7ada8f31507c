/** The services as they run in their images: compiled, without a compiler beside them. */
import { execFile } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');

/** Compiles into `build/`, and returns that folder. @throws with the compiler's words when the sources do not compile */
export const buildServices = async (): Promise<string> => {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  await promisify(execFile)(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root }).catch(
    (error: unknown) => {
      // The compiler speaks on its standard output.
      const words = error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error);
      throw new Error(`the services do not compile:\n${words}`, { cause: error });
    },
  );
  const build = join(root, 'build');
  // The compiler passes over SQL.
  cpSync(join(root, 'services/task/migrations'), join(build, 'services/task/migrations'), { recursive: true });
  // The services read their version from it.
  cpSync(join(root, 'package.json'), join(build, 'package.json'));
  return build;
};
