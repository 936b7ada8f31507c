/** The compiled services, in `build/`: what the compiler leaves, and what it passes over. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Read by the services as they are: SQL, the console's page, and the version of the product. */
const AS_THEY_ARE = ['services/task/migrations', 'services/api/console/client', 'package.json'];

/** The arguments of the compiler. */
export const COMPILE = ['-p', 'tsconfig.build.json'];

/** Removes what an earlier build left: a migration that is gone from the sources would still run. @param {string} root the clone */
export const removeCompiled = (root) => {
  rmSync(join(root, 'build/services'), { recursive: true, force: true });
};

/** Makes what the compiler left complete, so that Node runs it. @param {string} root the clone */
export const completeCompiled = (root) => {
  for (const path of AS_THEY_ARE) cpSync(join(root, path), join(root, 'build', path), { recursive: true });
};
