/** Where the HTTP API is, and who asks, for commands that go through it. */
import { Option, type Command } from 'commander';
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

/** For the help of these commands. */
export const API_HELP = `
Where the API asks who is calling, give an access token by --token or TASKSTREAM_TOKEN, or a client that gets and renews
tokens by itself (OAuth 2.0 client credentials), in the environment:
  TASKSTREAM_ISSUER          the issuer, such as https://id.example.com/realms/acme
  TASKSTREAM_CLIENT_ID
  TASKSTREAM_CLIENT_SECRET   or TASKSTREAM_CLIENT_SECRET_FILE, the path of a file with it
  TASKSTREAM_SCOPE, TASKSTREAM_AUDIENCE, TASKSTREAM_RESOURCE   where the issuer wants them`;
