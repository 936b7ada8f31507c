/** What `ops relay hold` does. */
import { once } from 'node:events';
import { readEnv } from '../../platform/env.ts';
import { postgresEnv } from '../../platform/postgres.ts';
import { holdPublication } from '../../pipeline/relay/hold.ts';

export const hold = async () => {
  const stop = Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((name) => once(process, name)));
  const hold = await holdPublication(readEnv(postgresEnv, process.env));
  process.stdout.write('Publication is held back: writes wait in the outbox. Ctrl-C lets it go on.\n');
  try {
    await Promise.race([stop, hold.lost]);
  } finally {
    await hold.release();
  }
  process.stdout.write('Publication goes on.\n');
};
