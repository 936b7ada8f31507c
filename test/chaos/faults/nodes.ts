/**
 * Faults of nodes of a cluster: one ends for good, stands still or is cut off for longer than all others wait, or has a slow or a full
 * disk; or all of a server are restarted, one after the other.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Role } from '../../../infra/local/cluster/cluster.ts';
import type { DiskState } from '../../../infra/local/cluster/disks.ts';
import type { ServerKind } from '../servers.ts';
import type { Fault, Part } from './fault.ts';

/** Longer than a broker's session and PostgreSQL's failover, and than the three checks by which search nodes depose a master. */
const PAUSE_MS = 40_000;
/** Servers that cannot bear it have ended by then. */
const BROKEN_DISK_MS = 20_000;
/** Several times as long as the failover of a single node takes. */
const LONE_STANDBY_MS = 20_000;

const kill = (role: Role, part: Part): Fault => ({
  name: `kill-${role}`,
  graceful: false,
  touches: [part],
  inject: ({ servers }) => servers.strike({ kind: 'kill', role }),
});

const freeze = (role: Role, part: Part): Fault => ({
  name: `freeze-${role}`,
  graceful: false,
  touches: [part],
  inject: ({ servers }) => servers.strike({ kind: 'pause', role, forMs: PAUSE_MS }),
});

const cutOff = (role: Role, part: Part): Fault => ({
  name: `cut-off-${role}`,
  graceful: false,
  touches: [part],
  inject: async ({ servers }, _random, history) => {
    history.isSplit = part === 'elasticsearch';
    try {
      await servers.strike({ kind: 'cut off', role, forMs: PAUSE_MS });
    } finally {
      history.isSplit = false;
    }
  },
});

const breakDisk =
  (state: DiskState) =>
  (role: Role, part: Part): Fault => ({
    name: `${state}-disk-${role}`,
    graceful: false,
    touches: [part],
    breaksDisk: true,
    inject: ({ servers }) => servers.strike({ kind: 'break disk', role, state, forMs: BROKEN_DISK_MS }),
  });
const slowDisk = breakDisk('slow');
const fullDisk = breakDisk('full');

/** Loaded when it is its turn: a help names these faults, and must not load the clients of servers. */
const awayStandbys: Fault = {
  name: 'away-standbys',
  graceful: false,
  touches: ['postgres'],
  inject: async (...context) => (await import('./away-standbys.ts')).takeStandbysAway(...context),
};

/**
 * The standby that is left may lack what the other one has confirmed: nobody is promoted, and nothing acknowledged, before that one is back. The
 * primary stays away.
 */
const killPrimaryAndStandby: Fault = {
  name: 'kill-primary-and-standby',
  graceful: false,
  touches: ['postgres'],
  inject: async ({ servers }, _random, history) => {
    const striking = servers.strike({ kind: 'kill primary and standby', standbyAfterMs: LONE_STANDBY_MS });
    await sleep(LONE_STANDBY_MS / 2);
    const before = history.acknowledged;
    await sleep(LONE_STANDBY_MS / 2 - 1_000);
    const acknowledged = history.acknowledged - before;
    await striking;
    if (acknowledged > 0) throw new Error(`${acknowledged} writes were acknowledged that one standby may have alone`);
  },
};

const roll = (name: string, server: ServerKind): Fault => ({
  name,
  graceful: false,
  touches: [server],
  inject: ({ servers }) => servers.strike({ kind: 'roll', server }),
});

/** A round of a run: one fault of each kind of server, as the next one of a kind could meet the end of the first. */
export const NODE_ROUNDS: readonly (readonly Fault[])[] = [
  [kill('broker', 'kafka'), kill('master', 'elasticsearch'), kill('primary', 'postgres')],
  [kill('controller', 'kafka'), kill('search-node', 'elasticsearch'), kill('standby', 'postgres')],
  [freeze('broker', 'kafka'), freeze('master', 'elasticsearch'), freeze('primary', 'postgres')],
  [freeze('controller', 'kafka'), freeze('search-node', 'elasticsearch'), freeze('standby', 'postgres')],
  [cutOff('broker', 'kafka'), cutOff('master', 'elasticsearch'), awayStandbys],
  [cutOff('controller', 'kafka'), cutOff('search-node', 'elasticsearch'), cutOff('primary', 'postgres')],
  [slowDisk('broker', 'kafka'), slowDisk('master', 'elasticsearch'), slowDisk('primary', 'postgres')],
  [slowDisk('controller', 'kafka'), slowDisk('search-node', 'elasticsearch'), slowDisk('standby', 'postgres')],
  [fullDisk('broker', 'kafka'), fullDisk('master', 'elasticsearch'), fullDisk('primary', 'postgres')],
  [fullDisk('controller', 'kafka'), fullDisk('search-node', 'elasticsearch'), cutOff('standby', 'postgres')],
  [roll('roll-brokers', 'kafka'), roll('roll-search', 'elasticsearch'), roll('roll-postgres', 'postgres')],
  [killPrimaryAndStandby],
];

export const NODE_FAULTS = NODE_ROUNDS.flat();
