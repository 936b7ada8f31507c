/** How a client reaches a server: what the server's owner tells, and workloads and network policies use. */

export interface SecretKey {
  readonly secret: string;
  readonly key: string;
}

export type EnvSource = { readonly value: string } | SecretKey;

/** A key of a Secret as a file in the container, which follows the Secret; without a key, all of them in a folder. */
export interface SecretFile {
  readonly secret: string;
  readonly key?: string;
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

type Server = 'kafka' | 'kafka-oauth' | 'elasticsearch' | 'postgres';

/**
 * A login as files, which Kubernetes renews with their Secret, as it never does environment variables.
 * @param variables what `NAME_FILE` leads to, by name
 */
export const loginFiles = (
  server: Server,
  variables: Readonly<Record<string, SecretKey>>,
): Pick<Connection, 'env' | 'files'> => {
  const entries = Object.entries(variables).map(([name, source]) => ({
    name: `${name}_FILE`,
    file: { ...source, path: `/etc/taskstream/${server}-login/${source.key}` },
  }));
  return {
    env: Object.fromEntries(entries.map(({ name, file }) => [name, { value: file.path }])),
    files: entries.map(({ file }) => file),
  };
};

/** Where a client certificate and its key are, in a Secret of type kubernetes.io/tls. */
export const clientCertificate = (secret: string): { readonly cert: SecretFile; readonly key: SecretFile } => ({
  cert: { secret, key: 'tls.crt', path: '/etc/taskstream/kafka-client/tls.crt' },
  key: { secret, key: 'tls.key', path: '/etc/taskstream/kafka-client/tls.key' },
});

/** Where CA certificates are in every container. */
export const caPath = (server: Server): string => `${caFolder(server)}/ca.crt`;

/** Their folder: what leads to it trusts every `*.crt` in it. */
export const caFolder = (server: Server): string => `/etc/taskstream/${server}`;
