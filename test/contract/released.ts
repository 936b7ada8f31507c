/** The contracts of the events: of each release, as docs/events keeps them, and of the code as it is. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventContract } from '../../services/api/docs.ts';
import type { AsyncApiDocument } from '../../services/pipeline/async-api.ts';
import { taskIn } from '../support/task.ts';

const FOLDER = join(import.meta.dirname, '../../docs/events');

export const contractFile = (version: string): string => join(FOLDER, `${version}.json`);

/** Under the product's own names of topics. */
export const currentContract = (): AsyncApiDocument => eventContract([taskIn()]);

/** Oldest first. */
export const releasedContracts = (): AsyncApiDocument[] =>
  readdirSync(FOLDER)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as AsyncApiDocument);
