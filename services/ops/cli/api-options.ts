/** Where the HTTP API is, and who asks, for commands that go through it. */
import { Option, type Command } from 'commander';
import type { ApiOptions } from '../../task/api.ts';
import { PORTS } from '../../task/resources.ts';

/** What the options of `withApiOptions` give. */
export interface ApiFlags {
  readonly url: string;
  readonly token?: string;
}

/** Adds what each command needs that talks to the API. */
export const withApiOptions = (command: Command): Command =>
  command
    .addOption(new Option('-u, --url <url>', 'the API').env('TASKSTREAM_URL').default(`http://localhost:${PORTS.api}`))
    .addOption(
      new Option('--token <token>', 'access token, where the API asks who is calling').env('TASKSTREAM_TOKEN'),
    );

export const apiOptionsOf = ({ url, token }: ApiFlags): ApiOptions => ({
  baseUrl: url,
  token,
  timeoutMs: 30_000,
  maxAttempts: 8,
});
