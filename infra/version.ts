/** The product's version, which has one home: package.json. Chart and images carry it too. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const text = readFileSync(join(import.meta.dirname, '../package.json'), 'utf8');

/** As in package.json; `description` says what the product is in one sentence. */
export const { version: VERSION, description: DESCRIPTION } = JSON.parse(text) as Record<
  'version' | 'description',
  string
>;
