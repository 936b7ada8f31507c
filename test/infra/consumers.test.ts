import { describe, expect, it } from 'vitest';
import { ACLS, consumerAclsOf } from '../../infra/constructs/kafka.ts';
import { environmentOf } from '../../infra/environments/index.ts';
import { parseEnvironment } from '../../infra/environments/schema.ts';
import { find, manifestsOf, ofKind } from '../support/manifests.ts';
import { isAllowed } from '../support/network.ts';

const production = environmentOf('production');
const consumers = [
  { name: 'audit', namespace: 'compliance', topics: ['tasks' as const] },
  { name: 'audit-2', namespace: 'reports', topics: ['tasks' as const] },
];
const manifests = manifestsOf({ ...production, consumers });

describe('a consumer that an environment lists', () => {
  it('has a user that reads its topics in groups of its own, and may do nothing else', () => {
    const { metadata, spec } = find(manifests, 'KafkaUser', 'taskstream-consumer-audit');
    expect(metadata.labels).toMatchObject({ 'strimzi.io/cluster': 'taskstream' });
    expect(spec).toEqual({
      authentication: { type: 'scram-sha-512' },
      authorization: {
        type: 'simple',
        acls: [
          {
            resource: { type: 'group', name: 'consumer.audit.', patternType: 'prefix' },
            operations: ['Read', 'Describe'],
          },
          { resource: { type: 'topic', name: 'tasks', patternType: 'literal' }, operations: ['Read', 'Describe'] },
        ],
      },
    });
  });

  it('has no group that another consumer, or the product, may have too', () => {
    const prefixes = consumers.flatMap((consumer) =>
      consumerAclsOf(consumer).flatMap(({ isPrefix, name }) => (isPrefix === true ? [name] : [])),
    );
    const groups = Object.values(ACLS).flatMap((acls) =>
      acls.filter(({ type }) => type === 'group').map(({ name }) => name),
    );
    expect(prefixes).toHaveLength(2);
    for (const prefix of prefixes) {
      const others = [...groups, ...prefixes].filter((name) => name !== prefix);
      expect(others.filter((name) => name.startsWith(prefix) || prefix.startsWith(name))).toEqual([]);
    }
  });

  it('reaches the brokers from its own pods in its own namespace, and nobody else does', () => {
    const policies = ofKind(manifests, 'NetworkPolicy');
    const kafka = { namespace: 'taskstream', labels: { 'strimzi.io/cluster': 'taskstream' } };
    const database = { namespace: 'taskstream', labels: { 'cnpg.io/cluster': 'taskstream-db' } };
    const pod = (namespace: string, name: string) => ({ namespace, labels: { 'taskstream-consumer': name } });
    expect(isAllowed(policies, pod('compliance', 'audit'), kafka, 9_093)).toBe(true);
    expect(isAllowed(policies, pod('reports', 'audit-2'), kafka, 9_093)).toBe(true);
    expect(isAllowed(policies, pod('reports', 'audit'), kafka, 9_093)).toBe(false);
    expect(isAllowed(policies, { namespace: 'compliance', labels: {} }, kafka, 9_093)).toBe(false);
    expect(isAllowed(policies, pod('compliance', 'audit'), kafka, 9_091)).toBe(false);
    expect(isAllowed(policies, pod('compliance', 'audit'), database, 5_432)).toBe(false);
  });

  it('has a name of its own, and a topic that is there', () => {
    const [audit] = consumers;
    expect(() => parseEnvironment({ ...production, consumers: [audit, audit] })).toThrow(
      /consumers\.1\.name: must be the only consumer of that name, which is audit/,
    );
    expect(() => parseEnvironment({ ...production, consumers: [{ ...audit, topics: ['task'] }] })).toThrow(
      /consumers\.0\.topics\.0: .*"tasks"/,
    );
  });

  it('leaves nothing behind where the servers are not ours', () => {
    const external = manifestsOf({ ...environmentOf('lab'), consumers });
    expect(external.filter(({ metadata }) => metadata.name.includes('consumer'))).toEqual([]);
  });
});
