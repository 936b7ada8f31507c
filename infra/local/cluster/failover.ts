/**
 * What CloudNativePG does for three instances of PostgreSQL, on one machine and for tests alone: it notices that the primary
 * does not answer, promotes the standby that has every acknowledged commit, fences the old primary, and moves the
 * address of the primary (docs/adr/0036-cluster-on-one-machine.md).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../bootstrap/fail.mjs';
import type { PostgresNode } from './postgres-node.ts';
import { chooseSuccessor, describeQuorum, type Quorum } from './quorum.ts';
import type { Service } from './service.ts';

/** How often the primary is asked whether it is one; a question has 2 s (`PostgresNode.ask`). */
const PROBE_INTERVAL_MS = 1_000;
/** It is given up after as many questions without an answer. */
const PROBE_FAILURES = 3;
/** For one step of a failover, and for standbys to stream. */
const STEP_MS = 60_000;
/** A receiver of WAL ends in no time where its standby answers at all. */
const SILENCE_MS = 5_000;

export interface FailoverOptions {
  readonly nodes: readonly PostgresNode[];
  /** The one to begin with: it runs, and the others are its standbys. */
  readonly primary: PostgresNode;
  /** The address of the primary (`-rw`). */
  readonly service: Service;
  /** Is told of each new primary, before anybody reaches it. */
  readonly onPrimary: (node: PostgresNode) => void;
  readonly report: (text: string) => void;
}

export interface Failover {
  readonly primary: () => PostgresNode;
  /** Makes each node that does not run a standby again; resolves when all stream. */
  heal(): Promise<void>;
  /** Restarts each node, the standbys first, each when all stream; then the primary hands over to one of them, and becomes a standby. */
  roll(): Promise<void>;
  stop(): Promise<void>;
}

/** Any one of the others. */
const quorumBeside = (primary: PostgresNode, nodes: readonly PostgresNode[]): Quorum => ({
  number: 1,
  names: nodes.filter((node) => node !== primary).map(({ name }) => name),
});

/** From here on the commits of `node` wait for a quorum: before it is promoted, so that none is acknowledged without. */
const demandQuorum = async (node: PostgresNode, quorum: Quorum): Promise<void> => {
  const names = describeQuorum(quorum);
  node.configure({ synchronous_standby_names: names });
  await until(`${node.name} to wait for its standbys`, STEP_MS, async () => {
    const [row] = await node.ask<{ names: string }>("SELECT current_setting('synchronous_standby_names') AS names");
    return row?.names === names;
  });
};

/** Whether it answers, and as a primary. */
const isPrimary = async (node: PostgresNode): Promise<boolean> => {
  const [row] = await node
    .ask<{ is_standby: boolean }>('SELECT pg_is_in_recovery() AS is_standby')
    .catch(() => [undefined]);
  return row?.is_standby === false;
};

/**
 * Ends the receiver of a standby, so that it can confirm nothing more to the old primary; says what it has then.
 * @throws when it does not answer
 */
const silence = async (node: PostgresNode): Promise<{ node: PostgresNode; name: string; received: bigint }> => {
  node.follow(undefined);
  await until(`${node.name} to receive no WAL`, SILENCE_MS, async () => {
    const [row] = await node.ask<{ is_silent: boolean }>(
      `SELECT current_setting('primary_conninfo') = '' AND NOT EXISTS (SELECT FROM pg_stat_wal_receiver) AS is_silent`,
    );
    return row?.is_silent === true;
  });
  const [row] = await node.ask<{ received: string }>(
    `SELECT greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0'::pg_lsn AS received`,
  );
  return { node, name: node.name, received: BigInt(row?.received ?? '0') };
};

/** Resolves when `isDone` says so; an error of it is a no. @throws UserError after `deadlineMs` */
const until = async (what: string, deadlineMs: number, isDone: () => Promise<boolean>): Promise<void> => {
  const endAt = performance.now() + deadlineMs;
  while (!(await isDone().catch(() => false))) {
    if (performance.now() > endAt) throw new UserError(`Waited ${deadlineMs / 1_000} s for ${what}.`);
    await sleep(100);
  }
};

/** Makes a primary wait for its standbys, gives it the address, and watches over it from then on. */
export const superviseFailover = async (options: FailoverOptions): Promise<Failover> => {
  const { nodes, service, onPrimary, report } = options;
  let primary = options.primary;
  let quorum = quorumBeside(primary, nodes);
  let failures = 0;
  /** There is no primary, and nobody may become one. */
  let isStuck = false;
  /** Was told to become primary, and is one by now or may be at any time: nobody else may, whatever failed since. */
  let successor: PostgresNode | undefined;
  /** Primaries of before, until they are standbys. */
  const former = new Set<PostgresNode>();
  const others = () => nodes.filter((node) => node !== primary);

  const allStream = () =>
    until('the standbys to stream', STEP_MS, async () => {
      const [row] = await primary.ask<{ count: string }>(
        "SELECT count(*) AS count FROM pg_stat_replication WHERE state = 'streaming'",
      );
      return Number(row?.count) === others().length;
    });

  const rejoin = async (node: PostgresNode): Promise<void> => {
    await node.copyFrom(primary);
    await node.start();
    former.delete(node);
    report(`${node.name} is a standby of ${primary.name}`);
  };

  /** The standby that is told to become primary; nobody where one that does not answer may have more. */
  const choose = async (): Promise<PostgresNode | undefined> => {
    const standbys = others().filter((node) => node.isRunning && !former.has(node));
    const asked = await Promise.allSettled(standbys.map(silence));
    const answering = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const chosen = chooseSuccessor(quorum, answering)?.node;
    if (chosen === undefined) {
      report(`${primary.name} does not answer, and of its standbys too few do: nobody is promoted`);
    } else await demandQuorum(chosen, quorumBeside(chosen, nodes));
    return chosen;
  };

  /** Goes on where an attempt before it has failed. */
  const promote = async (node: PostgresNode): Promise<void> => {
    if (!(await isPrimary(node))) await node.ask('SELECT pg_promote(false)');
    await until(`${node.name} to be promoted`, STEP_MS, () => isPrimary(node));
    onPrimary(node);
    report(`${node.name} is promoted in place of ${primary.name}`);
    former.add(primary);
    primary = node;
    quorum = quorumBeside(node, nodes);
    successor = undefined;
    failures = 0;
    service.setReady([primary.port]);
    // One that did not answer finds it when it does.
    for (const each of others()) if (!former.has(each)) each.follow(primary);
  };

  const failOver = async (): Promise<void> => {
    // As with CloudNativePG, connections that there are stay: who holds one to the old primary waits until that is fenced.
    service.setReady([]);
    successor ??= await choose();
    isStuck = successor?.isRunning !== true;
    if (successor !== undefined && !isStuck) await promote(successor);
  };

  /** The primary ends when its standbys have all that it wrote: nothing is lost, and nothing waits for its death to be noticed. */
  const switchOver = async (): Promise<void> => {
    const old = primary;
    service.setReady([]);
    await old.stop();
    await failOver();
    if (primary === old) throw new UserError(`Nobody took over from ${old.name}.`);
    await rejoin(old);
    await allStream();
  };

  /** A primary of before that answers again is ended at once, and made a standby. */
  const fence = async (node: PostgresNode): Promise<void> => {
    if (!node.isRunning || !(await isPrimary(node))) return;
    report(`${node.name} answers, and is primary no more: it is ended`);
    await node.quit();
    await rejoin(node);
  };

  const look = async (): Promise<void> => {
    // What has begun is ended: the primary of before may answer again, and another one may be there by now.
    if (successor !== undefined) {
      await failOver();
      return;
    }
    if (!(await isPrimary(primary))) {
      failures += 1;
      if (failures >= PROBE_FAILURES) await failOver();
      return;
    }
    if (failures >= PROBE_FAILURES) {
      report(`${primary.name} answers again, and stays primary`);
      for (const node of others()) if (!former.has(node)) node.follow(primary);
      service.setReady([primary.port]);
    }
    failures = 0;
    isStuck = false;
    for (const node of former) await fence(node);
  };

  /** One after the other: what heals must not meet what fails over. */
  let turn: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  };
  const stopped = new AbortController();
  const watch = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      await inTurn(look).catch((error: unknown) => {
        report(`failover: ${String(error)}`);
      });
      await sleep(PROBE_INTERVAL_MS, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  };

  await demandQuorum(primary, quorum);
  await allStream();
  service.setReady([primary.port]);
  const watching = watch();
  return {
    primary: () => primary,
    heal: async () => {
      await until('a primary', STEP_MS, async () => isStuck || (await isPrimary(primary)));
      await inTurn(async () => {
        // Nobody could be promoted: with its data it goes on as it was, and the standbys follow it again.
        const next = successor ?? primary;
        if (!next.isRunning) await next.start();
        // One that was frozen may be slow to answer at first.
        await until('the primaries of before to be ended', STEP_MS, async () => {
          await look();
          return [...former].every((node) => !node.isRunning);
        });
        for (const node of others()) if (!node.isRunning) await rejoin(node);
        await allStream();
      });
    },
    roll: () =>
      inTurn(async () => {
        for (const node of others()) {
          await allStream();
          await node.stop();
          await node.start();
        }
        await allStream();
        await switchOver();
      }),
    stop: async () => {
      stopped.abort();
      await watching;
    },
  };
};
