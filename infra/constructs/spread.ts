/** How the pods of a server that an operator makes are kept apart, so that one failure takes one of them. */

type Labels = Readonly<Record<string, string>>;

/**
 * Never two on one host. A preference is not enough: volumes bind to the node or zone of their first pod, so that two which
 * met once stay together, and a lost node takes two copies of three with it, which stops publication or commits.
 */
export const apartOnHosts = (labels: Labels) => ({
  podAntiAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [
      { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: labels } },
    ],
  },
});

/** @param zoneLabel nothing where the cluster has no zones */
export const evenlyOverZones = (zoneLabel: string | undefined, labels: Labels) =>
  zoneLabel === undefined
    ? {}
    : {
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: zoneLabel,
            whenUnsatisfiable: 'DoNotSchedule',
            labelSelector: { matchLabels: labels },
          },
        ],
      };
