/** What `ops config` does. */
import { configurationPage } from './tables.ts';

export const showConfig = () => {
  process.stdout.write(configurationPage());
};
