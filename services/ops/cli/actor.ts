/** Who runs a command, for the audit trail. */
import { hostname, userInfo } from 'node:os';

/** The system's user at this host; in a pod the host is the pod's name, and the user may have none. */
export const systemActor = (): string => {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}@${hostname()}`;
  }
};
