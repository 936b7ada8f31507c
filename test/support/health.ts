/** What health checks say. */
import type { HealthCheck } from '../../services/platform/http/health.ts';

/** `name: error` of each check that fails. */
export const failing = async (checks: readonly HealthCheck[]): Promise<string[]> => {
  const failures: string[] = [];
  for (const { name, check } of checks) {
    try {
      await check();
    } catch (error) {
      failures.push(`${name}: ${String(error)}`);
    }
  }
  return failures;
};
