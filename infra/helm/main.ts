/** `npm run chart`: writes `charts/taskstream`, and the version of `charts/operators`. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { chartFiles, operatorsChart } from './chart.ts';

const folder = join(import.meta.dirname, '../../charts/taskstream');
rmSync(folder, { recursive: true, force: true });
for (const [path, text] of chartFiles()) {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`charts/taskstream/${path}`);
}

const operators = join(import.meta.dirname, '../../charts/operators');
const chart = join(operators, 'Chart.yaml');
writeFileSync(chart, operatorsChart(readFileSync(chart, 'utf8'), readFileSync(join(operators, 'values.yaml'), 'utf8')));
console.log('charts/operators/Chart.yaml');
