import { afterAll, beforeAll, inject, it } from 'vitest';
import { createTopics } from '../../infra/local/topics.ts';
import { TASKS_TOPIC } from '../../services/task/resources.ts';
import { startAuthorizedKafka, type AuthorizedKafka } from '../support/authorized-kafka.ts';
import { eventRecord, taskOf } from '../support/events.ts';
import { createTestProducer, sendAll } from '../support/kafka.ts';
import { manifestsOf, type Manifest } from '../support/manifests.ts';
import { waitFor } from '../support/wait.ts';
import { deleteNamespace, getJson, isolated, mustKubectl, toYaml } from './support/cluster.ts';

const environment = isolated('local');
const { namespace } = environment;
let broker: AuthorizedKafka;

/** What Strimzi's operators make of the Kafka and the KafkaUser: names and keys as in its documentation. */
const strimzis = (password: string): Manifest[] => [
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'taskstream-keda', namespace },
    stringData: { password, 'sasl.jaas.config': `org.apache.kafka.common.security.scram.ScramLoginModule required;` },
  },
  // KEDA resolves the whole environment of what it scales, and not only what it asks of it.
  ...['taskstream-indexer', 'taskstream-es-indexer'].map((name) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    stringData: { password: 'none' },
  })),
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'taskstream-cluster-ca-cert', namespace },
    stringData: { 'ca.crt': broker.ca },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'taskstream-kafka-bootstrap', namespace },
    spec: { ports: [{ name: 'tls', port: 9_093, targetPort: broker.port }] },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: 'taskstream-kafka-bootstrap-host',
      namespace,
      labels: { 'kubernetes.io/service-name': 'taskstream-kafka-bootstrap' },
    },
    addressType: 'IPv4',
    endpoints: [{ addresses: [inject('hostAddress')] }],
    ports: [{ name: 'tls', port: broker.port }],
  },
];

beforeAll(async () => {
  broker = await startAuthorizedKafka({
    host: inject('hostAddress'),
    advertised: `taskstream-kafka-bootstrap.${namespace}.svc:9093`,
  });
  await createTopics(broker.plain, { partitions: environment.topic.partitions });
  const [first, ...rest] = manifestsOf(environment);
  const scaling = rest.filter(
    ({ kind, metadata }) =>
      ['ConfigMap', 'TriggerAuthentication', 'ScaledObject'].includes(kind) ||
      (kind === 'Deployment' && metadata.name === 'taskstream-indexer'),
  );
  await mustKubectl(
    ['apply', '-f', '-'],
    toYaml([...(first === undefined ? [] : [first]), ...strimzis('wrong'), ...scaling]),
  );
}, 120_000);
afterAll(async () => {
  await deleteNamespace(namespace);
  await broker.close();
});

const condition = async (type: string): Promise<string | undefined> => {
  const { status } = await getJson('-n', namespace, 'scaledobject', 'taskstream-indexer');
  const found = ((status?.conditions ?? []) as { type: string; status: string }[]).find((one) => one.type === type);
  return found?.status;
};

it('KEDA measures the lag over TLS as the user taskstream-keda, by the Secrets of Strimzi, and with no other password', async () => {
  await waitFor('KEDA to be refused', async () => (await condition('Ready')) === 'False', { timeoutMs: 180_000 });

  await mustKubectl(['apply', '-f', '-'], toYaml(strimzis(broker.passwordOf('keda'))));
  await waitFor('KEDA to be let in', async () => (await condition('Ready')) === 'True', { timeoutMs: 180_000 });

  const producer = await createTestProducer({ KAFKA_BROKERS: broker.plain });
  const events = 3 * environment.indexer.lagThreshold;
  await sendAll(
    producer,
    TASKS_TOPIC,
    Array.from({ length: events }, () => eventRecord('tasks.event.created', taskOf())),
  );
  await producer.disconnect(1_000);
  await waitFor(
    'more indexers to be wanted',
    async () => (await getJson('-n', namespace, 'deployment', 'taskstream-indexer')).spec.replicas >= 3,
    { timeoutMs: 180_000, intervalMs: 500 },
  );
}, 600_000);
