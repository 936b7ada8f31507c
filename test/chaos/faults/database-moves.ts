/**
 * PostgreSQL comes up on another machine, with its data: connections to where it was hang without an end or a reset, and new
 * ones reach it.
 */
import type { Fault } from './fault.ts';

export const databaseMoves: Fault = {
  name: 'database-moves',
  graceful: false,
  touches: ['postgres', 'links', 'clock'],
  inject: async ({ servers }, random) => {
    await servers.setLink('api-postgres', { kind: 'stranded' });
    await servers.restart('postgres', random.int(0, 5_000), 'SIGQUIT');
  },
};
