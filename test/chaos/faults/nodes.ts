/** Faults of one node of a cluster: it ends for good, or it stands still for longer than all others wait. */
import type { Role } from '../../../infra/local/cluster/cluster.ts';
import type { Fault, Part } from './fault.ts';

/** Longer than a broker's session and PostgreSQL's failover, and than the three checks by which search nodes depose a master. */
const PAUSE_MS = 40_000;

const kill = (role: Role, part: Part): Fault => ({
  name: `kill-${role}`,
  graceful: false,
  touches: [part],
  inject: ({ servers }) => servers.killNode(role),
});

const freeze = (role: Role, part: Part): Fault => ({
  name: `freeze-${role}`,
  graceful: false,
  touches: [part],
  inject: ({ servers }) => servers.pauseNode(role, PAUSE_MS),
});

/** A round of a run: one node of each kind, as the next one of a kind would be its second. */
export const NODE_ROUNDS: readonly (readonly Fault[])[] = [
  [kill('broker', 'kafka'), kill('master', 'elasticsearch'), kill('primary', 'postgres')],
  [kill('controller', 'kafka'), kill('search-node', 'elasticsearch'), kill('standby', 'postgres')],
  [freeze('broker', 'kafka'), freeze('master', 'elasticsearch'), freeze('primary', 'postgres')],
  [freeze('controller', 'kafka'), freeze('search-node', 'elasticsearch'), freeze('standby', 'postgres')],
];

export const NODE_FAULTS = NODE_ROUNDS.flat();
