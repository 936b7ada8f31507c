/** A reader for the length of a command. */
import type { KafkaConfig } from '../../platform/kafka/settings.ts';
import { createLogger, type Logger, type LoggerOptions } from '../../platform/logger.ts';
import { checkBrokers } from './brokers.ts';
import { createTopicReader, type ReaderOptions, type TopicReader } from '../../platform/kafka/reader.ts';

/** Connects, and closes whatever happens. @throws TaskstreamError `broker_unavailable`, within seconds, when no broker is there */
export const withReader = async <T>(
  config: KafkaConfig & { readonly LOG_LEVEL: LoggerOptions['level'] },
  options: Omit<ReaderOptions, 'logger'>,
  use: (reader: TopicReader, logger: Logger) => Promise<T>,
): Promise<T> => {
  await checkBrokers(config);
  // On standard error: standard output is the result.
  const logger = createLogger({ service: 'ops', level: config.LOG_LEVEL, fd: 2 });
  const reader = await createTopicReader(config, { ...options, logger });
  try {
    return await use(reader, logger);
  } finally {
    await reader.close();
  }
};
