/** What GitOps manifests need to know: where the charts are in git, and which environment's values they get. */
import { z } from 'zod';
import { environments } from '../environments/index.ts';
import { InvalidEnvironment, type Environment } from '../environments/schema.ts';

const schema = z.strictObject({
  repo: z.string().regex(/^(https:\/\/|ssh:\/\/)\S+$/, {
    error:
      'must be the address of the git repository with the charts, such as https://git.example.com/team/taskstream.git',
  }),
  revision: z.string().regex(/^[\w][\w./-]*$/, { error: 'must be a branch, such as main' }),
  environment: z.enum(Object.keys(environments), {
    error: `must be one of ${Object.keys(environments).join(', ')}`,
  }),
});

export interface GitOpsOptions {
  readonly repo: string;
  readonly revision: string;
  readonly environment: Environment;
}

/** @throws InvalidEnvironment with every fault, one a line */
export const parseGitOpsOptions = (input: Readonly<Record<string, unknown>>): GitOpsOptions => {
  const result = schema.safeParse(input);
  const environment = environments[String(input['environment'])];
  if (result.success && environment !== undefined) return { ...result.data, environment };
  const faults = result.error?.issues.map(({ path, message }) => `  --${path.join('.')}: ${message}`) ?? [];
  throw new InvalidEnvironment(`These options cannot be used:\n${faults.join('\n')}`);
};

/** The values file of an environment, in the chart; production is what the chart has by default. */
export const valuesFilesOf = ({ name }: Environment): string[] =>
  name === 'production' ? [] : [`values-${name}.yaml`];
