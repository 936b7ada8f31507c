/** Evaluates NetworkPolicies as the Kubernetes documentation defines them, for peers that are pods or addresses. */
import { BlockList, isIPv6 } from 'node:net';
import type { Manifest } from './manifests.ts';

export interface Endpoint {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Where it matters. */
  readonly address?: string;
}

interface Peer {
  readonly podSelector?: { readonly matchLabels?: Record<string, string> };
  readonly namespaceSelector?: { readonly matchLabels?: Record<string, string> };
  readonly ipBlock?: { readonly cidr: string };
}
interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports: readonly { readonly protocol: string; readonly port: number }[];
}
interface Spec {
  readonly podSelector: { readonly matchLabels?: Record<string, string> };
  readonly policyTypes: readonly ('Ingress' | 'Egress')[];
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
}

const includes = (labels: Endpoint['labels'], wanted: Record<string, string> = {}): boolean =>
  Object.entries(wanted).every(([name, value]) => labels[name] === value);

const familyOf = (address: string): 'ipv6' | 'ipv4' => (isIPv6(address) ? 'ipv6' : 'ipv4');

const inBlock = (address: string, cidr: string): boolean => {
  const [base = '', bits = ''] = cidr.split('/');
  const block = new BlockList();
  block.addSubnet(base, Number(bits), familyOf(base));
  return block.check(address, familyOf(address));
};

const matches = (peer: Peer, end: Endpoint, policyNamespace: string): boolean => {
  if (peer.ipBlock !== undefined) return end.address !== undefined && inBlock(end.address, peer.ipBlock.cidr);
  const namespaceFits =
    peer.namespaceSelector === undefined
      ? end.namespace === policyNamespace
      : includes({ 'kubernetes.io/metadata.name': end.namespace }, peer.namespaceSelector.matchLabels);
  return namespaceFits && includes(end.labels, peer.podSelector?.matchLabels);
};

/** Whether the policies let `from` connect to `port` of `to`: both ends have to agree. */
export const isAllowed = (
  policies: readonly Manifest[],
  from: Endpoint,
  to: Endpoint,
  port: number,
  protocol = 'TCP',
): boolean => {
  const passes = (type: 'Ingress' | 'Egress', own: Endpoint, other: Endpoint): boolean => {
    const about = policies
      .filter(({ metadata }) => metadata.namespace === own.namespace)
      .map(({ metadata, spec }) => ({ namespace: metadata.namespace ?? '', spec: spec as Spec }))
      .filter(({ spec }) => spec.policyTypes.includes(type) && includes(own.labels, spec.podSelector.matchLabels));
    if (about.length === 0) return true;
    return about.some(({ namespace, spec }) =>
      ((type === 'Ingress' ? spec.ingress : spec.egress) ?? []).some(
        (rule) =>
          rule.ports.some((open) => open.port === port && open.protocol === protocol) &&
          ((type === 'Ingress' ? rule.from : rule.to) ?? []).some((peer) => matches(peer, other, namespace)),
      ),
    );
  };
  return passes('Egress', from, to) && passes('Ingress', to, from);
};
