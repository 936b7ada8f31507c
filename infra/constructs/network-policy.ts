/** NetworkPolicies from plain rules: who may talk to whom, on which ports. */
import type { Construct } from 'constructs';
import type { Peer } from './connection.ts';
import { CustomResource } from './custom-resource.ts';

export interface Rule {
  readonly peers: readonly Peer[];
  /** TCP. */
  readonly ports: readonly number[];
  readonly udpPorts?: readonly number[];
}

export interface NetworkPolicyOptions {
  readonly name: string;
  readonly component: string;
  /** Labels of the pods it is about; none for all pods of the namespace. */
  readonly pods: Readonly<Record<string, string>>;
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
}

/** A direction that is given is closed but for its rules; one that is left out is not touched. */
export class NetworkPolicy extends CustomResource {
  constructor(scope: Construct, id: string, { name, component, pods, ingress, egress }: NetworkPolicyOptions) {
    super(scope, id, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      name,
      component,
      spec: {
        podSelector: Object.keys(pods).length === 0 ? {} : { matchLabels: pods },
        policyTypes: [...(ingress === undefined ? [] : ['Ingress']), ...(egress === undefined ? [] : ['Egress'])],
        ...(ingress === undefined ? {} : { ingress: ingress.map((rule) => toRule(rule, 'from')) }),
        ...(egress === undefined ? {} : { egress: egress.map((rule) => toRule(rule, 'to')) }),
      },
    });
  }
}

const toRule = ({ peers, ports, udpPorts = [] }: Rule, direction: 'from' | 'to') => ({
  [direction]: peers.flatMap(toPeers),
  ports: [...ports.map((port) => ({ protocol: 'TCP', port })), ...udpPorts.map((port) => ({ protocol: 'UDP', port }))],
});

/** The label that every cluster gives to every namespace. */
const NAMESPACE_NAME = 'kubernetes.io/metadata.name';

const toPeers = (peer: Peer): object[] => {
  if ('cidrs' in peer) return peer.cidrs.map((cidr) => ({ ipBlock: { cidr } }));
  return [
    {
      ...(peer.namespace === undefined
        ? {}
        : { namespaceSelector: { matchLabels: { [NAMESPACE_NAME]: peer.namespace } } }),
      ...('pods' in peer ? { podSelector: { matchLabels: peer.pods } } : {}),
    },
  ];
};
