import { V1Pod } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { judge, type Kind, type State } from '../../services/ops/status/judge.ts';
import { quantity } from '../../services/ops/status/lag.ts';
import { whyPodWaits } from '../../services/ops/status/pods.ts';

const ready = { type: 'Ready', status: 'True' };

describe("the state of an object, in its operator's words", () => {
  it.each<[string, Kind, object, State, RegExp]>([
    ['a topic that nobody took up', 'KafkaTopic', {}, 'waiting', /operator of Strimzi/],
    [
      'a topic',
      'KafkaTopic',
      { spec: { partitions: 12 }, status: { conditions: [ready] } },
      'ready',
      /^12 partitions$/,
    ],
    [
      'a topic that Kafka refused',
      'KafkaTopic',
      { status: { conditions: [{ type: 'NotReady', status: 'True', reason: 'KafkaError', message: 'policy' }] } },
      'waiting',
      /^KafkaError: policy$/,
    ],
    [
      'a Kafka whose readiness ended',
      'Kafka',
      { status: { conditions: [{ type: 'Ready', status: 'False' }] } },
      'waiting',
      /./,
    ],
    [
      'Elasticsearch',
      'Elasticsearch',
      { status: { phase: 'Ready', health: 'green', availableNodes: 3 } },
      'ready',
      /^health green, 3 nodes$/,
    ],
    [
      'Elasticsearch in the making',
      'Elasticsearch',
      { status: { phase: 'ApplyingChanges', health: 'unknown' } },
      'waiting',
      /ApplyingChanges/,
    ],
    [
      'Elasticsearch without a primary',
      'Elasticsearch',
      { status: { phase: 'Ready', health: 'red', availableNodes: 1 } },
      'waiting',
      /red/,
    ],
    [
      'PostgreSQL',
      'Cluster',
      { spec: { instances: 3 }, status: { phase: 'Cluster in healthy state', readyInstances: 3, conditions: [ready] } },
      'ready',
      /^3 of 3 instances$/,
    ],
    [
      'PostgreSQL that lacks an instance',
      'Cluster',
      { spec: { instances: 3 }, status: { phase: 'Creating a new replica', readyInstances: 2, conditions: [ready] } },
      'waiting',
      /^Creating a new replica, 2 of 3 instances$/,
    ],
    [
      'a Job that is done',
      'Job',
      { status: { conditions: [{ type: 'Complete', status: 'True' }] } },
      'ready',
      /complete/,
    ],
    ['a Job that tries again', 'Job', { status: { active: 1, failed: 2 } }, 'waiting', /^running, 2 attempts failed$/],
    [
      'a Job that gave up',
      'Job',
      {
        status: {
          conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: 'too often' }],
        },
      },
      'failed',
      /^BackoffLimitExceeded: too often$/,
    ],
    [
      'a Deployment half rolled out',
      'Deployment',
      { spec: { replicas: 2 }, status: { replicas: 3, updatedReplicas: 1, availableReplicas: 2 } },
      'waiting',
      /^2 of 2 pods, 1 of the new version$/,
    ],
    ['a Deployment that sleeps', 'Deployment', { spec: { replicas: 0 }, status: {} }, 'ready', /^0 of 0 pods$/],
    [
      'a scaler without brokers',
      'ScaledObject',
      { status: { conditions: [{ type: 'Ready', status: 'False', reason: 'Failed', message: 'no broker' }] } },
      'waiting',
      /no broker/,
    ],
    [
      'a scaler',
      'ScaledObject',
      {
        spec: { minReplicaCount: 1, maxReplicaCount: 6 },
        status: { conditions: [ready, { type: 'Active', status: 'True' }], health: { trigger: { status: 'Happy' } } },
      },
      'ready',
      /^active, 1 to 6 replicas$/,
    ],
    ['a status of an unknown shape', 'Kafka', { status: { conditions: 'none' } }, 'waiting', /cannot be read/],
  ])('%s', (_, kind, data, state, detail) => {
    const verdict = judge(kind, data);
    expect(verdict.state).toBe(state);
    expect(verdict.detail).toMatch(detail);
  });
});

const pod = (status: object): V1Pod => Object.assign(new V1Pod(), { metadata: { name: 'p' }, status });

it.each<[string, object, string | undefined]>([
  [
    'an image that is not there',
    { state: { waiting: { reason: 'ErrImageNeverPull', message: 'no image' } } },
    'p: ErrImageNeverPull: no image',
  ],
  [
    'a crash loop',
    { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated: { exitCode: 78 } } },
    'p: CrashLoopBackOff, exited with 78',
  ],
  ['a pod that is made just now', { state: { waiting: { reason: 'ContainerCreating' } } }, undefined],
  ['a pod that is not ready', { state: { running: {} }, ready: false }, 'p: runs and is not ready: see kubectl logs'],
  ['a pod that is', { state: { running: {} }, ready: true }, undefined],
])('says why pods wait: %s', (_, container, reason) => {
  expect(whyPodWaits(pod({ containerStatuses: [container] }))).toBe(reason);
});

it('says why pods wait: no node', () => {
  const conditions = [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes are available' }];
  expect(whyPodWaits(pod({ conditions }))).toBe('p: 0/1 nodes are available');
});

it.each([
  ['1500m', 1.5],
  ['12k', 12_000],
  ['7', 7],
  ['0', 0],
])('reads the quantity %s', (text, value) => {
  expect(quantity(text)).toBe(value);
});
