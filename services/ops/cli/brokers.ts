/** Whether Kafka is there at all, before its client begins: that one tries for ever, and logs each attempt. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';

const DEADLINE_MS = 2_000;
const CONNECT_TIMEOUT_MS = 2_000;
const RETRY_MS = 500;

/**
 * Resolves when one of the brokers takes a connection.
 * @param brokers as in `KAFKA_BROKERS`
 * @throws TaskstreamError `broker_unavailable` when none has by a deadline of seconds
 */
export const checkBrokers = async (brokers: string): Promise<void> => {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    try {
      await Promise.any(brokers.split(',').map(reach));
      return;
    } catch (error) {
      const [reason] = (error as AggregateError).errors as readonly unknown[];
      if (performance.now() >= deadline) {
        throw new TaskstreamError(
          'broker_unavailable',
          `Kafka does not answer at ${brokers} (${messageOf(reason)}): see whether it is up, and KAFKA_BROKERS.`,
          { cause: error, retriable: true },
        );
      }
    }
    await sleep(RETRY_MS);
  }
};

const reach = (broker: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(broker) ?? [];
    const socket = connect({ host, port: Number(port) });
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy(new Error('no connection within 2 s')));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
