/** The index is built anew while clients write and delete; then older events of deleted tasks come again. */
import { runOps } from '../../support/ops.ts';
import { opsEnv, type Fault } from './fault.ts';
import { repeatBeforeDeletions } from './records.ts';

export const reindexUnderDeletes: Fault = {
  name: 'reindex-under-deletes',
  graceful: false,
  touches: ['elasticsearch', 'index', 'topic', 'postgres', 'kafka'],
  inject: async (world, random) => {
    const source = random.pick(['postgres', 'topic']);
    const { code, stderr } = await runOps(['reindex', '--source', source], opsEnv(world));
    if (code !== 0) throw new Error(`reindex ended with ${code}: ${stderr}`);
    await repeatBeforeDeletions(world.topics, random);
  },
};
