/** A task, as HTTP, events and the index show it. */
import type { z } from 'zod';
import type { taskFields } from './fields.ts';

type Shown = { [Name in keyof typeof taskFields]: z.output<(typeof taskFields)[Name]['shown']> };

export interface Task extends Shown {
  readonly id: string;
  readonly version: number;
  readonly schemaVersion?: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}
