/**
 * A proxy in front of a Kafka broker that answers as a broker does whose controller has fenced it: with topics, and
 * without any broker. A real one answers so for a moment only, after a pause that was longer than its session.
 * Source of the layouts: the Kafka protocol guide, "Metadata" (versions 9 and later) and "Protocol Primitive Types".
 */
import { createServer, connect, type Socket } from 'node:net';
import getPort from 'get-port';

export interface FencingProxy {
  readonly port: number;
  /** Leaves the brokers out of the next `count` answers that name them. */
  fence(count: number): void;
  close(): Promise<void>;
}

const METADATA = 3;
/** From this version on, lengths are variable and structures end with tagged fields. */
const FIRST_FLEXIBLE = 9;

export const createFencingProxy = async (targetPort: number): Promise<FencingProxy> => {
  let fenced = 0;
  const sockets = new Set<Socket>();
  const track = (socket: Socket, peer: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      peer.destroy();
    });
  };
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    track(client, target);
    track(target, client);
    const asked = new Set<number>();
    const onRequest = (frame: Buffer) => {
      if (frame.readInt16BE(4) === METADATA && frame.readInt16BE(6) >= FIRST_FLEXIBLE) asked.add(frame.readInt32BE(8));
      target.write(frame);
    };
    const onAnswer = (frame: Buffer) => {
      const isFenced = asked.delete(frame.readInt32BE(4)) && fenced > 0;
      if (isFenced) fenced -= 1;
      client.write(isFenced ? withoutBrokers(frame) : frame);
    };
    client.on('data', eachFrame(onRequest));
    target.on('data', eachFrame(onAnswer));
  });
  const port = await getPort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port,
    fence: (count) => {
      fenced = count;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** Cuts a stream into messages, each with its size before it. */
const eachFrame = (onFrame: (frame: Buffer) => void): ((chunk: Buffer) => void) => {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0);
      onFrame(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
  };
};

/** The same answer with an empty list of brokers. */
const withoutBrokers = (frame: Buffer): Buffer => {
  // Size, correlation id, tagged fields of the header (none), throttle time.
  const start = 4 + 4 + 1 + 4;
  let at = start;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = frame.readUInt8(at);
      at += 1;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const skipText = () => {
    // One more than its length; 0 stands for null.
    const length = varint() - 1;
    at += Math.max(0, length);
  };
  const skipNumber = () => {
    at += 4;
  };
  const brokers = varint() - 1;
  for (let broker = 0; broker < brokers; broker += 1) {
    // Id, host, port, rack.
    skipNumber();
    skipText();
    skipNumber();
    skipText();
    if (varint() !== 0) throw new Error('a broker with tagged fields');
  }
  const empty = Buffer.from([1]);
  const result = Buffer.concat([frame.subarray(0, start), empty, frame.subarray(at)]);
  result.writeInt32BE(result.length - 4, 0);
  return result;
};
