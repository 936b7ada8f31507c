/** How a client reaches a server: what the server's owner tells, and workloads and network policies use. */

export interface SecretKey {
  readonly secret: string;
  readonly key: string;
}

export type EnvSource = { readonly value: string } | SecretKey;

/** A key of a Secret as a file in the container. */
export interface SecretFile extends SecretKey {
  readonly path: string;
}

/** Somebody that may be talked to or listened to. */
export type Peer =
  /** Pods of the same namespace, or of the named one. */
  | { readonly pods: Readonly<Record<string, string>>; readonly namespace?: string }
  /** All pods of a namespace. */
  | { readonly namespace: string }
  | { readonly cidrs: readonly string[] };

export interface Connection {
  readonly env: Readonly<Record<string, EnvSource>>;
  readonly files: readonly SecretFile[];
  readonly peer: Peer;
  readonly port: number;
  /** Where its client must get to beside the server itself, to be let in by it. */
  readonly beside?: readonly Pick<Connection, 'peer' | 'port'>[];
}

/** Where a client certificate and its key are, in a Secret of type kubernetes.io/tls. */
export const clientCertificate = (secret: string): { readonly cert: SecretFile; readonly key: SecretFile } => ({
  cert: { secret, key: 'tls.crt', path: '/etc/taskstream/kafka-client/tls.crt' },
  key: { secret, key: 'tls.key', path: '/etc/taskstream/kafka-client/tls.key' },
});

/** Where CA certificates are in every container. */
export const caPath = (server: 'kafka' | 'kafka-oauth' | 'elasticsearch' | 'postgres'): string =>
  `/etc/taskstream/${server}/ca.crt`;
