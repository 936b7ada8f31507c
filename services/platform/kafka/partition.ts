import { crc32 } from 'node:zlib';

/**
 * The partition of a key, by librdkafka's default partitioner `consistent_random`: CRC-32 modulo the number of partitions.
 * Source: librdkafka, CONFIGURATION.md, `partitioner`.
 */
export const partitionOf = (key: string | Buffer, partitions: number): number => crc32(key) % partitions;
