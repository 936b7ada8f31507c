/** The ports of a cluster on one machine. */
import getPort from 'get-port';
import type { ServerKind } from '../servers.ts';

/** Numbers of the nodes of each kind. */
export const NUMBERS = [1, 2, 3] as const;

/** Ports of the nodes, in their order; `service` is the address before all of them. */
export interface ClusterPorts {
  readonly postgres: { readonly service: number; readonly nodes: readonly number[] };
  readonly kafka: { readonly nodes: readonly number[]; readonly controllers: readonly number[] };
  readonly elasticsearch: {
    readonly service: number;
    readonly nodes: readonly number[];
    readonly transport: readonly number[];
  };
}

/** Those from each `base` on: four for PostgreSQL, six for Kafka, seven for Elasticsearch. */
export const portsFrom = (base: Readonly<Record<ServerKind, number>>): ClusterPorts => {
  const three = (from: number) => NUMBERS.map((_, index) => from + index);
  return {
    postgres: { service: base.postgres, nodes: three(base.postgres + 1) },
    kafka: { nodes: three(base.kafka), controllers: three(base.kafka + 3) },
    elasticsearch: {
      service: base.elasticsearch,
      nodes: three(base.elasticsearch + 1),
      transport: three(base.elasticsearch + 4),
    },
  };
};

/** All of them. */
export const listPorts = ({ postgres, kafka, elasticsearch }: ClusterPorts): readonly number[] => [
  ...[postgres.service, ...postgres.nodes, ...kafka.nodes, ...kafka.controllers],
  ...[elasticsearch.service, ...elasticsearch.nodes, ...elasticsearch.transport],
];

/** Any that are free. */
export const freePorts = async (): Promise<ClusterPorts> => {
  const three = () => Promise.all(NUMBERS.map(() => getPort()));
  return {
    postgres: { service: await getPort(), nodes: await three() },
    kafka: { nodes: await three(), controllers: await three() },
    elasticsearch: { service: await getPort(), nodes: await three(), transport: await three() },
  };
};
