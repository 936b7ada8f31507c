/** For pods that operators make: what Pod Security "restricted" asks of a pod as a whole. */
export const RESTRICTED_POD = {
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
} as const;
