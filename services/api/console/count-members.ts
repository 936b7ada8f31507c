/** The process of group-members.ts: asks once a second, and ends when its parent is gone. */
import kafka from '@confluentinc/kafka-javascript';
import { readEnv } from '../../platform/env.ts';
import { connectionSettings, kafkaEnv } from '../../platform/kafka/settings.ts';
import { sleep } from '../../platform/time.ts';
import { taskEnv } from '../../task/env.ts';

const INTERVAL_MS = 1_000;
const TIMEOUT_MS = 1_500;

process.once('disconnect', () => process.exit(0));
// It may be gone before this could be heard, while the modules were loaded.
if (!process.connected) process.exit(0);
const config = readEnv({ ...kafkaEnv, ...taskEnv }, process.env);
const admin = new kafka.KafkaJS.Kafka({ ...connectionSettings(config, 'taskstream-console'), log_level: 0 }).admin();
await admin.connect();
for (;;) {
  try {
    const { groups } = await admin.describeGroups([config.CONSUMER_GROUP], { timeout: TIMEOUT_MS });
    process.send?.(groups[0]?.members.length ?? 0);
  } catch {
    process.send?.('unknown');
  }
  await sleep(INTERVAL_MS);
}
