/** The cases of all rules. */
import type { AlertCase, RecordCase } from '../support/case.ts';
import { apiAlerts, searchAlerts } from './api.ts';
import { certificateAlerts } from './certificates.ts';
import { deadLetterAlerts } from './dead-letters.ts';
import { indexerAlerts } from './indexer.ts';
import { lagAlerts, lagRecords } from './lag.ts';
import { outboxAlerts } from './outbox.ts';
import { podAlerts } from './pods.ts';
import { serverAlerts } from './servers.ts';
import { verifyAlerts } from './verify.ts';

export const RECORD_CASES: readonly RecordCase[] = lagRecords;

export const ALERT_CASES: readonly AlertCase[] = [
  ...apiAlerts,
  ...outboxAlerts,
  ...lagAlerts,
  ...indexerAlerts,
  ...deadLetterAlerts,
  ...searchAlerts,
  ...verifyAlerts,
  ...podAlerts,
  ...serverAlerts,
  ...certificateAlerts,
];
