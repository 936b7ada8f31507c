/** What `ops secrets` does. */
import { connectToCluster } from '../cli/kubernetes.ts';
import type { ClusterOptions } from '../cli/cluster-options.ts';
import { ensurePassword, type SecretKey } from './passwords.ts';

export const fill = async (keys: SecretKey[], options: ClusterOptions) => {
  const { core, namespace } = connectToCluster(options);
  for (const key of keys) {
    const made = await ensurePassword(core, namespace, key);
    process.stdout.write(`${namespace}/${key.secret}: ${made ? 'password made' : 'has a password: kept'}\n`);
  }
};
