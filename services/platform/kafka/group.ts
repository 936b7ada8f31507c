/** Who is in a consumer group now. */
import kafka from '@confluentinc/kafka-javascript';
import type { RdKafka } from '@confluentinc/kafka-javascript';
import { promised } from './calls.ts';
import type { NativeConsumer } from './native.ts';

export interface GroupMember {
  readonly id: string;
  readonly clientId: string;
  readonly host: string;
  readonly partitions: readonly number[];
}

export interface GroupState {
  readonly state: string;
  readonly members: readonly GroupMember[];
}

const DESCRIBE_TIMEOUT_MS = 5_000;

/** A group that the broker does not know has no members. */
export const describeGroup = async (client: NativeConsumer, group: string): Promise<GroupState> => {
  const admin = kafka.AdminClient.createFrom(client);
  try {
    const { groups } = await promised<RdKafka.GroupDescriptions>((done) => {
      admin.describeGroups([group], { timeout: DESCRIBE_TIMEOUT_MS }, done);
    });
    const found = groups.find(({ groupId }) => groupId === group);
    return {
      state: nameOf(found?.state),
      members: (found?.members ?? []).map(({ memberId, clientId, clientHost, assignment }) => ({
        id: memberId,
        clientId,
        host: clientHost.replace(/^\//, ''),
        partitions: assignment.topicPartitions.map(({ partition }) => partition).sort((a, b) => a - b),
      })),
    };
  } finally {
    admin.disconnect();
  }
};

const nameOf = (state: RdKafka.ConsumerGroupStates | undefined): string =>
  (Object.entries(kafka.ConsumerGroupStates).find(([, value]) => value === state)?.[0] ?? 'unknown').toLowerCase();
