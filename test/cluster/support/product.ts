/** The product in pods, against real servers on this machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import { inject } from 'vitest';
import type { Environment, OperatedPostgres } from '../../../infra/environments/schema.ts';
import { startServers, stopServers } from '../../../infra/local/servers.ts';
import { createTopics } from '../../../infra/local/topics.ts';
import { manifestsOf, type Manifest } from '../../support/manifests.ts';
import { deleteNamespace, isolated, mustKubectl, toYaml } from './cluster.ts';
import { startClient, type Client } from './client.ts';

export interface Product {
  readonly environment: Environment;
  readonly namespace: string;
  readonly manifests: readonly Manifest[];
  readonly kafkaBrokers: string;
  readonly elasticsearchUrl: string;
  /** Empty where an operator runs PostgreSQL. */
  readonly databaseUrl: string;
  /** Stands where the ingress controller stands: the only namespace that may call the API. */
  readonly client: Client;
  /** `kubectl -n <namespace>`. */
  readonly kubectl: (...args: readonly string[]) => Promise<string>;
  close(): Promise<void>;
}

export interface Release {
  readonly images: { readonly api: string; readonly indexer: string };
  /** The manifests of an environment, as the release has them. */
  manifestsOf(environment: Environment): readonly Manifest[] | Promise<readonly Manifest[]>;
}

/** What an operated PostgreSQL begins with: its backups are configured before it is there. */
const OF_POSTGRES: readonly string[] = ['Cluster', 'ObjectStore', 'Secret'];

const thisRelease = (): Release => ({ images: inject('images'), manifestsOf });

/**
 * Starts the servers, applies the environment `lab`, and waits until everything is rolled out.
 * @throws Error when the cluster lacks the images or cannot reach this machine
 */
export const deployProduct = async (
  release = thisRelease(),
  /** Where the servers listen: the address of this machine as pods see it. */
  host = inject('hostAddress'),
  /** PostgreSQL that its operator runs, in place of one on this machine. */
  operated?: OperatedPostgres,
): Promise<Product> => {
  const { images } = release;
  if (images.api === '' || images.indexer === '' || host === '') {
    throw new Error(
      'These tests run pods of the services. With a cluster of yours set TEST_API_IMAGE and TEST_INDEXER_IMAGE to images ' +
        'that its nodes have, and TEST_HOST_ADDRESS to the address of this machine as pods see it (for pods that have IPv6 ' +
        'only: TEST_HOST_ADDRESS_IPV6).',
    );
  }
  const dataDir = mkdtempSync(join(tmpdir(), 'taskstream-cluster-'));
  const ports = {
    ...(operated === undefined ? { postgres: await getPort({ host }) } : {}),
    kafka: await getPort({ host }),
    elasticsearch: await getPort({ host }),
  };
  const servers = await startServers({ dataDir, ports, host });
  const lab = isolated('lab');
  const { namespace } = lab;
  const clientNamespace = `${namespace}-client`;
  const egressTo = (port: number) => ({ cidrs: [`${host}/${host.includes(':') ? 128 : 32}`], port });
  const environment: Environment = {
    ...lab,
    images: { ...images, pullPolicy: lab.images.pullPolicy },
    ingress: { ...lab.ingress, namespace: clientNamespace },
    servers: {
      kafka: {
        kind: 'managed',
        brokers: servers.kafka?.url ?? '',
        tls: false,
        login: 'none',
        egress: egressTo(ports.kafka),
      },
      elasticsearch: {
        kind: 'managed',
        url: servers.elasticsearch?.url ?? '',
        login: 'none',
        egress: egressTo(ports.elasticsearch),
      },
      postgres: operated ?? {
        kind: 'managed',
        tls: 'disable',
        ownerSecret: 'taskstream-db-app',
        serviceSecret: 'taskstream-db-app',
        egress: egressTo(ports.postgres ?? 0),
      },
    },
  };
  const kafkaBrokers = servers.kafka?.url ?? '';
  const databaseUrl = servers.postgres?.url ?? '';
  const inNamespace = (...args: readonly string[]) => mustKubectl(['-n', namespace, ...args]);
  const close = async () => {
    // First what uses the servers: pods that drain want them.
    await deleteNamespace(clientNamespace);
    await mustKubectl(['delete', 'namespace', namespace, '--ignore-not-found']);
    await stopServers(servers);
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    const manifests = await release.manifestsOf(environment);
    await createTopics(kafkaBrokers, { partitions: environment.topic.partitions });
    const [first, ...rest] = manifests;
    const secret: Manifest = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'taskstream-db-app', namespace },
      type: 'kubernetes.io/basic-auth',
      stringData: { username: 'postgres', password: 'postgres', uri: databaseUrl },
    };
    const apply = (objects: readonly Manifest[]) => mustKubectl(['apply', '-f', '-'], toYaml(objects));
    await apply([
      ...(first === undefined ? [] : [first]),
      ...(operated === undefined ? [secret] : rest.filter(({ kind }) => OF_POSTGRES.includes(kind))),
    ]);
    if (operated !== undefined) {
      await inNamespace('wait', '--for=condition=Ready', 'clusters.postgresql.cnpg.io', '--all', '--timeout=300s');
    }
    await apply(rest);
    const client = await startClient(clientNamespace, images.api, environment.images.pullPolicy);
    await inNamespace('rollout', 'status', 'deployment/taskstream-api', '--timeout=150s');
    return {
      environment,
      namespace,
      manifests,
      kafkaBrokers,
      elasticsearchUrl: servers.elasticsearch?.url ?? '',
      databaseUrl,
      client,
      kubectl: inNamespace,
      close,
    };
  } catch (error) {
    const state = await inNamespace('get', 'pods,jobs,events', '-o', 'wide').catch(String);
    await close();
    throw new Error(`the product did not come up: ${String(error)}\n${state}`, { cause: error });
  }
};
