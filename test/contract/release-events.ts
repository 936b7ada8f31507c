/** `npm run release:events`: writes the contract of this version's events to `docs/events/<version>.json`. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { contractFile, currentContract } from './released.ts';

const contract = currentContract();
const { version } = contract.info;
const file = contractFile(version);
const text = `${JSON.stringify(contract, null, 2)}\n`;
if (existsSync(file) && readFileSync(file, 'utf8') !== text) {
  console.error(
    `docs/events/${version}.json is there and differs. What was released does not change: raise the version in ` +
      'package.json. If it was never released, delete the file first.',
  );
  process.exitCode = 1;
} else {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`docs/events/${version}.json`);
}
