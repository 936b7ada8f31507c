/** Whether Kafka is there at all, before its client begins: that one tries for long, and logs each attempt. */
import { connect, isIP, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectByTls } from 'node:tls';
import { codeOf, messageOf, TaskstreamError } from '../../platform/errors.ts';
import type { KafkaConfig } from '../../platform/kafka/settings.ts';

/** For an answer of any broker, in milliseconds. */
const DEADLINE_MS = 5_000;
/** How long a broker that refuses is taken for one that is just starting, in milliseconds. */
const REFUSED_MS = 2_000;
const RETRY_MS = 500;

/**
 * Resolves when one of the brokers answers: to a request, or where it wants TLS to the handshake.
 * @throws TaskstreamError `broker_unavailable` when none has by a deadline of seconds
 */
export const checkBrokers = async ({ KAFKA_BROKERS, KAFKA_TLS }: KafkaConfig): Promise<void> => {
  const begin = performance.now();
  for (;;) {
    const timeoutMs = Math.max(0, begin + DEADLINE_MS - performance.now());
    const over = new AbortController();
    try {
      await Promise.any(KAFKA_BROKERS.split(',').map((broker) => reach(broker, KAFKA_TLS, timeoutMs, over.signal)));
      return;
    } catch (error) {
      const [reason] = (error as AggregateError).errors as readonly unknown[];
      if (performance.now() >= begin + REFUSED_MS) {
        throw new TaskstreamError(
          'broker_unavailable',
          `Kafka does not answer at ${KAFKA_BROKERS} (${messageOf(reason)}): see whether it is up, and KAFKA_BROKERS.`,
          { cause: error, retriable: true },
        );
      }
    } finally {
      // One that says nothing would keep the process until its time is over.
      over.abort();
    }
    await sleep(RETRY_MS);
  }
};

/**
 * ApiVersions, version 0, of a client without a name: what a broker answers to anybody, before any login.
 * Source: Kafka protocol guide, "ApiVersions", and the request header v1.
 */
const API_VERSIONS = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);

const reach = (broker: string, isTls: boolean, timeoutMs: number, over: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(broker) ?? [];
    const address = { host, port: Number(port) };
    // Routers that pass TLS on go by the name that a client asks for. An address is none (RFC 6066, section 3).
    const name = isIP(host) === 0 ? { servername: host } : {};
    // Whom it may trust is asked by the client itself, which says why not.
    const socket: Socket = isTls ? connectByTls({ ...address, ...name, rejectUnauthorized: false }) : connect(address);
    over.addEventListener('abort', () => socket.destroy(), { once: true });
    const timer = setTimeout(() => {
      socket.destroy(new Error(`no answer within ${DEADLINE_MS / 1_000} s`));
    }, timeoutMs);
    const answered = (): void => {
      resolve();
      socket.destroy();
    };
    if (isTls) socket.once('secureConnect', answered);
    else {
      socket.once('connect', () => socket.write(API_VERSIONS));
      socket.once('data', answered);
    }
    socket.once('error', (error) => {
      // A handshake that fails is an answer too, which the client explains.
      if (/^(ERR_SSL|ERR_TLS|EPROTO)/.test(String(codeOf(error)))) resolve();
      else reject(error);
    });
    socket.once('close', () => {
      clearTimeout(timer);
      reject(new Error('the connection was closed without an answer'));
    });
  });
