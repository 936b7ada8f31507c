/** Where the migrations of this domain are; they bring the tables of the pipeline too. */
import { join } from 'node:path';

export const MIGRATIONS = join(import.meta.dirname, 'migrations');
