/** What it costs to ask who is calling, and to bound each call by its owner: two APIs on one database, of which one asks nobody. */
import { giveOwners } from '../../../services/pipeline/write/give-owners.ts';
import { AUDIENCE, createKey, startIssuer } from '../../support/issuer.ts';
import { taskIn } from '../../support/task.ts';
import { waitFor } from '../../support/wait.ts';
import { caughtUp } from '../caught-up.ts';
import { runChild } from '../child.ts';
import type { HttpResult, Operation } from '../children/generate-http.ts';
import { sumOfCpu, type CpuByProcess } from '../cpu.ts';
import { fillTasks } from '../tasks.ts';
import type { Bench } from './bench.ts';

const OPERATIONS = ['search', 'create'] as const satisfies readonly Operation[];
/** Requests a second: a part of what goes, so that both APIs have the same load. */
const RATE = 400;
const CONNECTIONS = 16;
/** More than one, as each token is verified and remembered by itself. */
const TOKENS = 100;
/** In turns, as servers become faster for minutes. Of each process the least of all rounds counts: whatever else happens only adds. */
const ROUNDS = 5;
const MOST_PERCENT = 5;

export const auth: Bench = {
  name: 'auth',
  description: 'CPU of a create and a search with access tokens and owners, and without',
  run: async ({ servers, report, isQuick }) => {
    const stack = await servers.createStack();
    const [issuer, key] = [await startIssuer(), await createKey('bench')];
    issuer.publish(key);
    try {
      // Alone with the relay, so that none of the two has its work.
      const relay = await stack.startApi('relay');
      await waitFor('the relay to begin', async () => (await relay.metric('taskstream_relay_leader')) === 1);
      await stack.startIndexer();
      const anybody = await stack.startApi('API');
      const owners = await stack.startApi('API', {
        ...{ AUTH: 'oidc', AUTH_ISSUER: issuer.url, AUTH_AUDIENCE: AUDIENCE, AUTH_INSECURE_ISSUER: 'true' },
      });
      report.progress('filling, and giving all to one owner: both then find the same');
      const task = taskIn(stack.env);
      await fillTasks(stack.database.pool, isQuick ? 2_000 : 50_000, undefined, task);
      await giveOwners({
        ...{ pool: stack.database.pool, entity: task, ownerOf: () => 'ada', signal: new AbortController().signal },
        ...{ onRetry: () => undefined, onProgress: () => undefined, onWait: () => undefined },
      });
      await caughtUp(stack);
      const exp = Math.floor(Date.now() / 1_000) + 3_600;
      const tokens = await Promise.all(
        Array.from({ length: TOKENS }, (_, n) => issuer.token(key, { sub: 'ada', jti: String(n), exp })),
      );
      const sides = [
        { port: anybody.port, tokens: [] },
        { port: owners.port, tokens },
      ];
      for (const operation of OPERATIONS) {
        const costs: CpuByProcess[][] = sides.map(() => []);
        for (let round = 0; round <= ROUNDS; round += 1) {
          report.progress(`${operation}, ${round === 0 ? 'warming up' : `round ${round} of ${ROUNDS}`}`);
          for (const [side, { port, tokens: given }] of sides.entries()) {
            const cpu = await stack.measureCpu(async () => {
              const result = await runChild<HttpResult>('generate-http', {
                ...{ url: `http://127.0.0.1:${port}`, operation, connections: CONNECTIONS, rate: RATE },
                ...{ seconds: isQuick ? 2 : 10, ids: [], tokens: given },
              });
              if (result.failures > 0) throw new Error(`${operation}: ${result.failures} requests failed`);
              await caughtUp(stack);
              return result.requests;
            });
            if (round > 0) costs[side]?.push(cpu);
          }
        }
        const [without = {}, withOwners = {}] = costs.map(leastOf);
        const value = sumOfCpu(withOwners);
        const ceiling = { what: 'the same without', value: sumOfCpu(without) };
        report.add({ what: `${operation}, anybody`, value: ceiling.value, unit: 'µs', cpu: without });
        report.add({ what: `${operation}, tokens and owners`, value, unit: 'µs', cpu: withOwners, ceiling });
        const more = (value / ceiling.value - 1) * 100;
        report.add({
          what: `${operation}: tokens and owners cost more`,
          value: more,
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

/** What answers a request: the others do the same for both. */
const ANSWERING = ['API', 'PostgreSQL', 'Elasticsearch'];

const leastOf = (rounds: readonly CpuByProcess[]): CpuByProcess =>
  Object.fromEntries(ANSWERING.map((name) => [name, Math.min(...rounds.map((cpu) => cpu[name] ?? Number.NaN))]));
