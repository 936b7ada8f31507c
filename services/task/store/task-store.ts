/** The task store: reads at once, writes gathered. */
import type { Pool } from 'pg';
import type { CreateTask, DeleteTask, StoredTask, UpdateTask } from './commands.ts';
import { deleteTasks, taskNotFound, updateTasks } from './change.ts';
import { createTasks, type CreatedTask } from './create.ts';
import { Gatherer, type GatherOptions } from '../../pipeline/write/gather.ts';
import { isRefusedStatement } from '../../platform/postgres-outage.ts';
import { listTasks, readTask } from './read.ts';

export interface TaskStore {
  create(command: CreateTask): Promise<CreatedTask>;
  /** @throws TaskstreamError `task_not_found` or `precondition_failed` */
  update(command: UpdateTask): Promise<StoredTask>;
  /** @throws TaskstreamError `task_not_found` or `precondition_failed` */
  delete(command: DeleteTask): Promise<StoredTask>;
  /** @throws TaskstreamError `task_not_found` */
  read(id: string): Promise<StoredTask>;
  list(limit: number, before: string | undefined): Promise<readonly StoredTask[]>;
}

export interface TaskStoreOptions {
  readonly pool: Pool;
  /** Called after each committed statement, so that the relay need not wait for its next poll. */
  readonly onCommit: () => void;
  /** Told the number of commands of each statement. */
  readonly onBatch: (operation: string, size: number) => void;
}

/** Rows of one statement; more gain nothing and make the first of them wait. */
const MAX_BATCH = 200;
/** Writes that wait before more are refused: about half a second's worth at full speed. */
const MAX_QUEUE = 5_000;

export const createTaskStore = ({ pool, onCommit, onBatch }: TaskStoreOptions): TaskStore => {
  const gathered = <C, R>(
    operation: string,
    maxInFlight: number,
    run: (pool: Pool, commands: readonly C[]) => Promise<(R | Error)[]>,
    keyOf: GatherOptions<C, R>['keyOf'],
  ): Gatherer<C, R> =>
    new Gatherer({
      run: async (commands) => {
        const results = await run(pool, commands);
        onCommit();
        return results;
      },
      didNothing: isRefusedStatement,
      keyOf,
      maxInFlight,
      maxBatch: MAX_BATCH,
      maxQueue: MAX_QUEUE,
      onBatch: (size) => {
        onBatch(operation, size);
      },
    });
  // Three statements at a time keep PostgreSQL busy; more of them only make smaller batches.
  const creates = gathered<CreateTask, CreatedTask>('create', 3, createTasks, () => undefined);
  const updates = gathered<UpdateTask, StoredTask>('update', 3, updateTasks, ({ id }) => id);
  const deletes = gathered<DeleteTask, StoredTask>('delete', 2, deleteTasks, ({ id }) => id);
  return {
    create: (command) => creates.submit(command),
    update: (command) => updates.submit(command),
    delete: (command) => deletes.submit(command),
    read: async (id) => {
      const task = await readTask(pool, id);
      if (task === undefined) throw taskNotFound(id);
      return task;
    },
    list: (limit, before) => listTasks(pool, limit, before),
  };
};
