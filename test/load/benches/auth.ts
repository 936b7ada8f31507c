/** What it costs to ask who is calling, and to bound each call by its owner: two APIs on one database, of which one asks nobody. */
import { giveOwners } from '../../../services/pipeline/write/give-owners.ts';
import { AUDIENCE, createKey, startIssuer } from '../../support/issuer.ts';
import type { ServiceProcess } from '../../support/process.ts';
import { taskIn } from '../../support/task.ts';
import { waitFor } from '../../support/wait.ts';
import { caughtUp } from '../caught-up.ts';
import { runChild } from '../child.ts';
import type { HttpResult, Operation } from '../children/generate-http.ts';
import { sumOfCpu, type CpuByProcess } from '../cpu.ts';
import { median } from '../measurement.ts';
import { fillTasks } from '../tasks.ts';
import type { Bench } from './bench.ts';

/**
 * Who works for an answer. What Elasticsearch does for a create is the same on both sides, the writing of one document, and comes
 * in batches with merges behind them, which differ from round to round by more than what is looked for: it is shown, and not judged.
 */
const OPERATIONS = [
  { operation: 'search', judged: ['API', 'Elasticsearch'], shown: [] },
  { operation: 'create', judged: ['API', 'PostgreSQL'], shown: ['Elasticsearch'] },
] as const satisfies readonly {
  readonly operation: Operation;
  readonly judged: readonly string[];
  readonly shown: readonly string[];
}[];
/** Requests a second: a part of what goes, so that both APIs have the same load. */
const RATE = 400;
const CONNECTIONS = 16;
/** More than one, as each token is verified and remembered by itself. */
const TOKENS = 100;
/** Loads of each side, as much as goes: production keeps code compiled, plans made, connections open, and keys and tokens known. */
const WARM_UPS = 4;
const ROUNDS = 10;
const MOST_PERCENT = 5;

interface Side {
  /** What the CPU of its API is counted under. */
  readonly name: string;
  readonly api: ServiceProcess;
  readonly tokens: readonly string[];
}

export const auth: Bench = {
  run: async ({ servers, report, isQuick }) => {
    const [rounds, warmUps, seconds, tasks] = isQuick ? [2, 1, 2, 2_000] : [ROUNDS, WARM_UPS, 10, 50_000];
    const stack = await servers.createStack();
    const [issuer, key] = [await startIssuer(), await createKey('bench')];
    issuer.publish(key);
    try {
      // Alone with the relay, so that none of the two has its work.
      const relay = await stack.startApi('relay');
      await waitFor('the relay to begin', async () => (await relay.metric('taskstream_relay_leader')) === 1);
      await stack.startIndexer();
      const exp = Math.floor(Date.now() / 1_000) + 3_600;
      const tokens = await Promise.all(
        Array.from({ length: TOKENS }, (_, n) => issuer.token(key, { sub: 'ada', jti: String(n), exp })),
      );
      const sideOf = async (name: string, given: readonly string[], settings: Readonly<Record<string, string>>) =>
        ({ name, api: await stack.startApi(name, settings), tokens: given }) satisfies Side;
      const anybody = await sideOf('anybody', [], {});
      const owners = await sideOf('tokens and owners', tokens, {
        ...{ AUTH: 'oidc', AUTH_ISSUER: issuer.url, AUTH_AUDIENCE: AUDIENCE, AUTH_INSECURE_ISSUER: 'true' },
      });
      report.progress('filling, and giving all to one owner: both then find the same');
      const task = taskIn(stack.env);
      await fillTasks(stack.database.pool, tasks, undefined, task);
      await giveOwners({
        ...{ pool: stack.database.pool, entity: task, ownerOf: () => 'ada', signal: new AbortController().signal },
        ...{ onRetry: () => undefined, onProgress: () => undefined, onWait: () => undefined },
      });
      await caughtUp(stack);
      const load = async (operation: Operation, { api, tokens: given }: Side, rate?: number): Promise<number> => {
        const { failures, requests } = await runChild<HttpResult>('generate-http', {
          ...{
            url: `http://127.0.0.1:${api.port}`,
            operation,
            connections: CONNECTIONS,
            seconds,
            ids: [],
            tokens: given,
          },
          ...(rate === undefined ? {} : { rate }),
        });
        if (failures > 0) throw new Error(`${operation}: ${failures} requests failed`);
        await caughtUp(stack);
        return requests;
      };
      const measure = async (operation: Operation, side: Side): Promise<CpuByProcess> => {
        const cpu = await stack.measureCpu(() => load(operation, side, RATE));
        // Of the two APIs the one that answers.
        return { ...cpu, API: cpu[side.name] ?? Number.NaN };
      };
      for (const { operation, judged, shown } of OPERATIONS) {
        for (let turn = 1; turn <= warmUps; turn += 1) {
          report.progress(`${operation}, warming up, ${turn} of ${warmUps}`);
          for (const side of [anybody, owners]) await load(operation, side);
        }
        const [without, withOwners]: [CpuByProcess[], CpuByProcess[]] = [[], []];
        const both = [
          [anybody, without],
          [owners, withOwners],
        ] as const;
        for (let round = 1; round <= rounds; round += 1) {
          report.progress(`${operation}, round ${round} of ${rounds}`);
          // In turns, as servers become faster or slower for minutes.
          for (const [side, costs] of round % 2 === 1 ? both : both.toReversed()) {
            costs.push(await measure(operation, side));
          }
        }
        for (const [{ name }, costs] of both) {
          report.add({
            what: `${operation}, ${name}: ${judged.join(' and ')}`,
            value: median(costs.map((cpu) => sumOfCpu(cpu, judged))),
            unit: 'µs',
            cpu: Object.fromEntries(
              [...judged, ...shown].map((each) => [each, median(costs.map((cpu) => sumOfCpu(cpu, [each])))]),
            ),
          });
        }
        const ratios = without.map((cpu, round) => sumOfCpu(withOwners[round] ?? {}, judged) / sumOfCpu(cpu, judged));
        const percent = (ratio: number): number => (ratio - 1) * 100;
        const more = percent(median(ratios));
        report.add({
          what: `${operation}: tokens and owners cost more, median of ${rounds} rounds`,
          value: more,
          spread: [percent(Math.min(...ratios)), percent(Math.max(...ratios))],
          unit: '%',
          goal: { text: `< ${MOST_PERCENT} %`, isMet: more < MOST_PERCENT },
        });
      }
    } finally {
      await stack.close();
      await issuer.close();
    }
  },
};
