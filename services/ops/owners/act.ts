/** What `ops owners` does. */
import { readFileSync } from 'node:fs';
import { isRowId } from '../../pipeline/rows.ts';
import { giveOwners } from '../../pipeline/write/give-owners.ts';
import { isOwnerName, MAX_OWNER_LENGTH } from '../../platform/auth/actor.ts';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { createLogger } from '../../platform/logger.ts';
import { createPool } from '../../platform/postgres.ts';
import { placeTask } from '../../task/env.ts';
import { explainOutage } from '../cli/outage.ts';
import { stopSignal } from '../cli/stop-signal.ts';
import { readRestoreConfig } from '../env.ts';

interface Options {
  readonly to?: string;
  readonly file?: string;
}

const invalid = (message: string): TaskstreamError => new TaskstreamError('validation_failed', message);

const checked = (name: string, where: string): string => {
  if (isOwnerName(name)) return name;
  throw invalid(`${where}: an owner has 1 to ${MAX_OWNER_LENGTH} characters, and no control characters`);
};

/** Whom each row is to be given, by its id. @throws TaskstreamError of the first line that says none */
const ownersIn = (file: string): ReadonlyMap<string, string> => {
  const owners = new Map<string, string>();
  for (const [index, line] of readFileSync(file, 'utf8').split(/\r?\n/).entries()) {
    const comma = line.indexOf(',');
    const [id, owner] = [line.slice(0, comma).trim().toLowerCase(), line.slice(comma + 1).trim()];
    if (line.trim() === '' || (index === 0 && id === 'id')) continue;
    const where = `${file}, line ${index + 1}`;
    if (line.includes('"')) throw invalid(`${where}: write the owner without quotes, as the tokens have it`);
    if (comma === -1 || !isRowId(id)) throw invalid(`${where}: write an id, a comma, and its owner`);
    owners.set(id, checked(owner, where));
  }
  return owners;
};

export const give = async ({ to, file }: Options) => {
  if ((to === undefined) === (file === undefined)) throw invalid('Give either --to or --file.');
  const owners = file === undefined ? undefined : ownersIn(file);
  const all = to === undefined ? undefined : checked(to, '--to');
  const config = readRestoreConfig(process.env);
  const logger = createLogger({ service: 'owners', level: config.LOG_LEVEL, fd: 2 });
  const pool = createPool(config, 'taskstream-owners', logger);
  const say = (text: string): void => {
    process.stderr.write(`${text}\n`);
  };
  let told = 0;
  try {
    const given = await giveOwners({
      pool,
      entity: placeTask(config),
      ownerOf: (id) => all ?? owners?.get(id),
      signal: stopSignal(),
      onRetry: (error) => {
        say(`${messageOf(error)}: trying again`);
      },
      onProgress: (count) => {
        if (count < told + 100_000) return;
        told = count;
        say(`${count} given so far`);
      },
      onWait: () => {
        say('waits: 10,000 changes have not reached Kafka yet; does an API run? ops outbox says more');
      },
    });
    process.stdout.write(`${given} tasks have an owner now\n`);
  } catch (error) {
    throw explainOutage(error);
  } finally {
    await pool.end();
  }
};
