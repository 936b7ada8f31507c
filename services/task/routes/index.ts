/** All routes of the task API. */
import type { RouteFactory } from '../../platform/http/route.ts';
import { createTask } from './create-task.ts';
import { deleteTask } from './delete-task.ts';
import { getTask } from './get-task.ts';
import { listTasks } from './list-tasks.ts';
import { searchTasks } from './search-tasks.ts';
import { updateTask } from './update-task.ts';

export const routes: readonly RouteFactory[] = [createTask, listTasks, searchTasks, getTask, updateTask, deleteTask];
