/** Requests and limits as the API writes them: memory is requested in full, CPU may burst unless limited. */
import type { Resources } from '../environments/schema.ts';

export const resourceRequirements = ({
  cpuRequest,
  cpuLimit,
  memory,
}: Resources): Record<'requests' | 'limits', Record<string, string>> => ({
  requests: { cpu: cpuRequest, memory },
  limits: { ...(cpuLimit === undefined ? {} : { cpu: cpuLimit }), memory },
});
