/** All routes of an entity. */
import type { Route } from '../../platform/http/route.ts';
import { batchRoute } from './batch.ts';
import { patchRoute, updateRoute } from './change.ts';
import { createRoute } from './create.ts';
import { deleteRoute } from './delete.ts';
import { getRoute } from './get.ts';
import { listRoute } from './list.ts';
import { createResource, type ResourceOptions } from './resource.ts';
import { searchRoute } from './search.ts';

export const entityRoutes = (options: ResourceOptions): readonly Route[] => {
  const resource = createResource(options);
  return [createRoute, listRoute, searchRoute, batchRoute, getRoute, updateRoute, patchRoute, deleteRoute].map(
    (route) => route(resource),
  );
};
