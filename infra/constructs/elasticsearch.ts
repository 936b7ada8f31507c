/** Elasticsearch by ECK: the cluster, its roles, and one user for each client. */
import { Secret } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { stringify } from 'yaml';
import { TASK_INDEX_ALIAS } from '../../services/task/resources.ts';
import type { Environment, OperatedElasticsearch, Resources } from '../environments/schema.ts';
import { caPath, loginFiles, type Connection, type SecretFile, type SecretKey } from './connection.ts';
import { CustomResource, PART_OF } from './custom-resource.ts';
import { labelsOf } from './labels.ts';
import { resourceRequirements } from './resource-requirements.ts';
import { apartOnHosts, evenlyOverZones } from './spread.ts';

const CLUSTER = PART_OF;
const HTTP_PORT = 9_200;
/** The group of the user in Elasticsearch's image. */
const FS_GROUP = 1_000;
/** Tells a node its zone. */
const ZONE_VARIABLE = 'ZONE';
const ROLES_SECRET = `${PART_OF}-es-roles`;
const INDICES = [TASK_INDEX_ALIAS, `${TASK_INDEX_ALIAS}-*`];

export type SearchClient = 'api' | 'indexer' | 'ops';

/** Names as in Elasticsearch's list of index privileges. */
const PRIVILEGES: Readonly<Record<SearchClient, readonly string[]>> = {
  // A search names the nodes that it does not ask.
  api: ['read', 'view_index_metadata'],
  // Bulk operations of the kinds index and delete, and no new fields, indices or aliases. What the mapping says of itself
  // decides whether a rejected document waits. `maintenance` is for refreshes.
  indexer: ['index', 'delete', 'view_index_metadata', 'maintenance'],
  ops: ['read', 'write', 'create_index', 'manage'],
};
const CLIENTS = Object.keys(PRIVILEGES) as SearchClient[];
/** Reads figures of cluster and nodes for Prometheus, and neither an index nor a document. */
const EXPORTER = 'exporter';
type User = SearchClient | typeof EXPORTER;

export const searchSecretOf = (user: User): string => `${PART_OF}-es-${user}`;
const roleOf = (user: User): string => `${PART_OF}-${user}`;
const rightsOf = (user: User) =>
  user === EXPORTER ? { cluster: ['monitor'] } : { indices: [{ names: INDICES, privileges: PRIVILEGES[user] }] };

const passwordOf = (user: User): SecretKey => ({ secret: searchSecretOf(user), key: 'password' });
const CA_FILE: SecretFile = {
  secret: `${CLUSTER}-es-http-certs-public`,
  key: 'ca.crt',
  path: caPath('elasticsearch'),
};

/** How elasticsearch_exporter is run, which makes metrics for Prometheus of what Elasticsearch says of itself. */
export interface Exporter {
  readonly image: string;
  readonly resources: Resources;
  readonly args: readonly string[];
  readonly connection: Connection;
}

export interface ElasticsearchClusterOptions {
  readonly elasticsearch: OperatedElasticsearch;
  readonly namespace: string;
  readonly zoneLabel: Environment['zoneLabel'];
}

export class ElasticsearchCluster extends Construct {
  static readonly podLabels = { 'elasticsearch.k8s.elastic.co/cluster-name': CLUSTER };
  /** Names of the pods, as matchers of the label `pod`. */
  static readonly podMatchers = [`pod=~"${CLUSTER}-es-.+"`] as const;
  static readonly port = HTTP_PORT;
  /** Passwords that no operator makes: the Secrets exist without them until `ops secrets` has run. */
  readonly passwords: readonly SecretKey[];
  /** What asks for figures, where there is one. */
  readonly exporter: Exporter | undefined;
  readonly #url: string;

  constructor(scope: Construct, id: string, options: ElasticsearchClusterOptions) {
    super(scope, id);
    const { elasticsearch, namespace, zoneLabel } = options;
    this.#url = `https://${CLUSTER}-es-http.${namespace}.svc:${HTTP_PORT}`;
    const users: readonly User[] = [...CLIENTS, ...(elasticsearch.exporter === undefined ? [] : ([EXPORTER] as const))];
    this.passwords = users.map(passwordOf);
    this.exporter = elasticsearch.exporter && { ...elasticsearch.exporter, ...this.#exporter() };
    for (const user of users) addUser(this, user);
    const roles = Object.fromEntries(users.map((user) => [roleOf(user), rightsOf(user)]));
    new Secret(this, 'roles', {
      metadata: { name: ROLES_SECRET, labels: labelsOf('elasticsearch') },
      stringData: { 'roles.yml': stringify(roles) },
    });
    new CustomResource(this, 'cluster', {
      apiVersion: 'elasticsearch.k8s.elastic.co/v1',
      kind: 'Elasticsearch',
      name: CLUSTER,
      component: 'elasticsearch',
      // ECK deletes the volumes with it: the index could be filled again from PostgreSQL, with no search meanwhile.
      isKept: true,
      // ECK copies the label of a pod's node to an annotation of the pod.
      ...(zoneLabel === undefined ? {} : { annotations: { 'eck.k8s.elastic.co/downward-node-labels': zoneLabel } }),
      spec: {
        version: elasticsearch.version,
        auth: {
          fileRealm: users.map((user) => ({ secretName: searchSecretOf(user) })),
          roles: [{ secretName: ROLES_SECRET }],
        },
        nodeSets: [nodeSet(elasticsearch, zoneLabel)],
      },
    });
  }

  connectionOf(client: SearchClient): Connection {
    const login = loginFiles('elasticsearch', { ELASTICSEARCH_PASSWORD: passwordOf(client) });
    return {
      env: {
        ELASTICSEARCH_URL: { value: this.#url },
        ELASTICSEARCH_CA_FILE: { value: caPath('elasticsearch') },
        ELASTICSEARCH_USERNAME: { value: roleOf(client) },
        ...login.env,
      },
      files: [CA_FILE, ...login.files],
      peer: { pods: ElasticsearchCluster.podLabels },
      port: HTTP_PORT,
    };
  }

  #exporter(): Pick<Exporter, 'args' | 'connection'> {
    return {
      // The figures of each node come from whichever answers; those of indices would take rights on them.
      args: [`--es.uri=${this.#url}`, `--es.ca=${caPath('elasticsearch')}`, '--es.all'],
      connection: {
        // It reads a login from its environment only, and the CA when it starts: both change with a restart.
        env: { ES_USERNAME: { value: roleOf(EXPORTER) }, ES_PASSWORD: passwordOf(EXPORTER) },
        files: [CA_FILE],
        peer: { pods: ElasticsearchCluster.podLabels },
        port: HTTP_PORT,
      },
    };
  }
}

const nodeSet = ({ nodes, volume, resources, allowMmap }: OperatedElasticsearch, zoneLabel: string | undefined) => ({
  name: 'default',
  count: nodes,
  config: {
    'node.store.allow_mmap': allowMmap,
    // An index that nobody created would get a guessed mapping.
    'action.auto_create_index': `-${TASK_INDEX_ALIAS}*,+*`,
    // Copies of a shard go to different zones. The first attribute is ECK's, which this replaces.
    ...(zoneLabel === undefined
      ? {}
      : {
          'node.attr.zone': `\${${ZONE_VARIABLE}}`,
          'cluster.routing.allocation.awareness.attributes': 'k8s_node_name,zone',
        }),
  },
  podTemplate: {
    spec: {
      // It replaces ECK's own whole, so fsGroup is ECK's default said again: without it nothing can be written to an
      // ordinary volume. The profile is what ECK 3.2 leaves out and Pod Security "restricted" asks for; what is said of
      // containers is right as ECK says it.
      securityContext: { fsGroup: FS_GROUP, seccompProfile: { type: 'RuntimeDefault' } },
      // In place of ECK's preference for different hosts, which is all that it says of placement.
      affinity: apartOnHosts(ElasticsearchCluster.podLabels),
      ...evenlyOverZones(zoneLabel, ElasticsearchCluster.podLabels),
      containers: [
        {
          name: 'elasticsearch',
          resources: resourceRequirements(resources),
          ...(zoneLabel === undefined
            ? {}
            : {
                env: [
                  {
                    name: ZONE_VARIABLE,
                    valueFrom: { fieldRef: { fieldPath: `metadata.annotations['${zoneLabel}']` } },
                  },
                ],
              }),
        },
      ],
    },
  },
  volumeClaimTemplates: [
    {
      // ECK's own name for the data volume.
      metadata: { name: 'elasticsearch-data' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: volume.size } },
        ...(volume.storageClass === undefined ? {} : { storageClassName: volume.storageClass }),
      },
    },
  ],
});

/**
 * A user of the file realm, as ECK reads it from a Secret of type basic-auth.
 * The password is not here: `ops secrets` writes it once, and applying this manifest again leaves it alone.
 */
const addUser = (scope: Construct, user: User): void => {
  new Secret(scope, `user-${user}`, {
    metadata: { name: searchSecretOf(user), labels: labelsOf('elasticsearch') },
    type: 'kubernetes.io/basic-auth',
    stringData: { username: roleOf(user), roles: roleOf(user) },
  });
};
