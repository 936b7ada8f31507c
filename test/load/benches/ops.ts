/** How long `ops reindex` and `ops verify` take for so many tasks. */
import { taskIn } from '../../support/task.ts';
import { runOps } from '../../support/ops.ts';
import type { Series } from '../measurement.ts';
import { fillTasks } from '../tasks.ts';
import type { Bench } from './bench.ts';

export const ops: Bench = {
  run: async ({ servers, report, isQuick }) => {
    const stack = await servers.createStack();
    try {
      const env = { ...stack.env, INDEX_REFRESH_INTERVAL: '1s' };
      const series: Record<'reindex' | 'verify', [number, number][]> = { reindex: [], verify: [] };
      let total = 0;
      for (const size of isQuick ? [5_000] : [10_000, 100_000, 300_000]) {
        report.progress(`${size} tasks`);
        await fillTasks(stack.database.pool, size - total, undefined, taskIn(stack.env));
        total = size;
        // No relay runs here: what waits for it would be waited for.
        await stack.database.pool.query('TRUNCATE outbox');
        for (const command of ['reindex', 'verify'] as const) {
          const startedAt = performance.now();
          const { code, stderr, peakBytes } = await runOps([command], env);
          if (code !== 0) throw new Error(`${command} ended with ${code ?? 'a signal'}: ${stderr.slice(-1_000)}`);
          const ms = performance.now() - startedAt;
          report.add({ what: `${command} of ${size} tasks, ${peakBytes >> 20} MB`, value: ms, unit: 'ms' });
          series[command].push([size, ms / 1_000]);
        }
      }
      report.plot({
        name: 'ops',
        title: 'reindex and verify',
        xTitle: 'tasks',
        yTitle: 's',
        series: Object.entries(series).map(([name, points]): Series => ({ name, points })),
      });
    } finally {
      await stack.close();
    }
  },
};
