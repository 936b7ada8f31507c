import { NS, type AlertCase } from '../support/case.ts';

const settled = (outcome: string) => `taskstream_indexer_events_total{${NS},pod="a",outcome="${outcome}"}`;
const reason = (code: string) => `taskstream_indexer_dead_letters_total{${NS},pod="a",reason="${code}"}`;

export const deadLetterAlerts: readonly AlertCase[] = [
  {
    alert: 'TaskstreamDeadLetters',
    firing: {
      // The very first.
      series: { [settled('dead_letter')]: '0x10 2x10', [settled('indexed')]: '0+50x20' },
      at: '15m',
      description: '2 events within 10 minutes. Search does not show these changes.',
    },
    quiet: {
      'those of yesterday': { series: { [settled('dead_letter')]: '2x20' }, at: '15m' },
      'events are indexed and overtaken': {
        series: { [settled('dead_letter')]: '0x20', [settled('indexed')]: '0+50x20', [settled('stale')]: '0+50x20' },
        at: '15m',
      },
    },
  },
  {
    alert: 'TaskstreamDeadLetterFlood',
    firing: {
      series: { [settled('dead_letter')]: '0+60x20' },
      at: '10m',
      description: '300 events went to the dead-letter topic within 5 minutes.',
    },
    quiet: { 'a few': { series: { [settled('dead_letter')]: '0+10x20' }, at: '10m' } },
  },
  {
    alert: 'TaskstreamIndexRejectsDocuments',
    firing: {
      series: { [reason('rejected_by_index')]: '0+1x20' },
      at: '15m',
      description: 'Elasticsearch rejected 10 documents within 10 minutes; its mapping does not fit them.',
    },
    quiet: {
      'poison of another kind': {
        series: { [reason('rejected_by_index')]: '0x20', [reason('malformed_event')]: '0+5x20' },
        at: '15m',
      },
    },
  },
];
