/** The variables by which other commands reach the stack that `npm start` runs. */
import { elasticsearchEnv } from '../../../services/platform/elasticsearch.ts';
import type { EnvSpec } from '../../../services/platform/env.ts';
import { kafkaEnv } from '../../../services/platform/kafka/settings.ts';
import { postgresEnv } from '../../../services/platform/postgres.ts';
import { taskEnv } from '../../../services/task/env.ts';
import type { ServerUrls } from './prepare.ts';

const CONNECTIONS: EnvSpec = { ...taskEnv, ...postgresEnv, ...kafkaEnv, ...elasticsearchEnv };

/** With the settings that `npm start` was given for its connections: names of topics, TLS, users. */
export const stackVariables = (
  urls: ServerUrls,
  apiUrl: string,
  env: NodeJS.ProcessEnv,
): Readonly<Record<string, string>> => {
  const names = Object.entries(CONNECTIONS).flatMap(([name, { secret }]) => (secret ? [name, `${name}_FILE`] : [name]));
  const given = names.flatMap((name) => (env[name] ? [[name, env[name]] as const] : []));
  return { ...Object.fromEntries(given), ...urls, TASKSTREAM_URL: apiUrl };
};
