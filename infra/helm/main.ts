/** `npm run chart`: writes `charts/taskstream`. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { chartFiles } from './chart.ts';

const folder = join(import.meta.dirname, '../../charts/taskstream');
rmSync(folder, { recursive: true, force: true });
for (const [path, text] of chartFiles()) {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`charts/taskstream/${path}`);
}
