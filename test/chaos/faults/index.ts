/** All faults by name. */
import { addedRelay } from './add-relay.ts';
import { compactTopic } from './compact-topic.ts';
import { cutConnections } from './cut-connections.ts';
import { databaseMoves } from './database-moves.ts';
import type { Fault } from './fault.ts';
import { fillOutbox } from './fill-outbox.ts';
import { floodDisk } from './flood-disk.ts';
import { foreignMember } from './foreign-member.ts';
import { frozenRelay } from './frozen-relay.ts';
import { heldSnapshot } from './held-snapshot.ts';
import { killAddedRelay } from './kill-added-relay.ts';
import { killApi } from './kill-api.ts';
import { killIndexer } from './kill-indexer.ts';
import { killRelay } from './kill-relay.ts';
import { logPipeFull } from './log-pipe-full.ts';
import { pageWhileWriting } from './page-while-writing.ts';
import { partitionOffline } from './partition-offline.ts';
import { pauseBroker } from './pause-broker.ts';
import { pauseSearch } from './pause-search.ts';
import { pausedRelay } from './paused-relay.ts';
import { poison } from './poison.ts';
import { refuseAllBulk } from './refuse-all-bulk.ts';
import { refusedRecord } from './refused-record.ts';
import { repeatEvents } from './repeat-events.ts';
import { reindexUnderDeletes } from './reindex-under-deletes.ts';
import { restoreBackup } from './restore-backup.ts';
import { restartBroker } from './restart-broker.ts';
import { restartDatabase } from './restart-database.ts';
import { restartSearchAfterDelete } from './restart-search-after-delete.ts';
import { restartSearch } from './restart-search.ts';
import { scale } from './scale.ts';
import { slowConnections } from './slow-connections.ts';
import { staleStatistics } from './stale-statistics.ts';
import { stepClock } from './step-clock.ts';
import { stopStorm } from './stop-storm.ts';
import { throttleSearch } from './throttle-search.ts';
import { topicRecreated } from './topic-recreated.ts';
import { transactionMarker } from './transaction-marker.ts';

export const FAULTS: readonly Fault[] = [
  killApi,
  killRelay,
  killIndexer,
  stopStorm,
  scale,
  restartBroker,
  pauseBroker,
  restartSearch,
  pauseSearch,
  floodDisk,
  restartDatabase,
  cutConnections,
  slowConnections,
  throttleSearch,
  stepClock,
  repeatEvents,
  poison,
  fillOutbox,
  restartSearchAfterDelete,
  reindexUnderDeletes,
  pageWhileWriting,
  heldSnapshot,
  staleStatistics,
  pausedRelay,
  refuseAllBulk,
  compactTopic,
  restoreBackup,
  frozenRelay,
  transactionMarker,
  foreignMember,
  partitionOffline,
  refusedRecord,
  topicRecreated,
  logPipeFull,
  databaseMoves,
  addedRelay,
  killAddedRelay,
];
export type { Fault };
