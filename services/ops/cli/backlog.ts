/** Backlogs as people read them. */
import colors from 'picocolors';
import { lineOf } from '../../platform/printable.ts';
import { factsText, proseText, tableText, type Column } from './table.ts';
import { durationText } from './text.ts';
import { SLOTS } from '../../pipeline/relay/session.ts';
import type { LagReport } from '../lag/lag.ts';
import type { OutboxReport, RelayState } from '../outbox/outbox.ts';

const perSecond = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)}/s`;

const eta = (waiting: number, seconds: number | null): string =>
  waiting === 0 ? '-' : seconds === null ? colors.yellow('does not shrink') : durationText(seconds);

export const lagTable = (report: LagReport, width?: number): string => {
  const { topic, group, state, members, partitions, total } = report;
  const rows: (string | number | null)[][] = [];
  for (const row of partitions) {
    const figures =
      row.lag === null
        ? ['-', row.committed ?? 'never', colors.red('unknown'), '-', '-', '-']
        : [
            row.end,
            row.committed ?? 'never',
            row.lag,
            perSecond(row.rateIn ?? 0),
            perSecond(row.rateOut ?? 0),
            eta(row.lag, row.etaSeconds),
          ];
    rows.push([row.partition, ...figures, row.member === null ? colors.yellow('nobody') : lineOf(row.member)]);
  }
  rows.push([
    'total',
    '',
    '',
    total.unknown === 0 ? total.lag : colors.red(`at least ${total.lag}`),
    perSecond(total.rateIn),
    perSecond(total.rateOut),
    eta(total.lag, total.etaSeconds),
    `${members.length} member(s)`,
  ]);
  const note =
    total.unknown === 0 ? '' : `\n${total.unknown} partitions cannot be asked: the brokers that have them are away.`;
  const figures = ['partition', 'end', 'committed', 'lag', 'in', 'out', 'done in'];
  const columns: Column[] = figures.map((head) => ({ head, align: 'right' }));
  const table = tableText([...columns, { head: 'read by', wraps: true }], rows, width);
  return `${proseText(`${topic} for group ${group} (${state})`, width)}\n${table}${note}`;
};

const relayText = ({ pid, address, sessionSeconds, isHold, slots, depth, oldestAgeSeconds }: RelayState): string => {
  const state = isHold ? 'HELD BACK by `ops relay hold`' : 'active';
  const whole = `${state} for ${durationText(sessionSeconds)}, from ${address ?? 'a local socket'} (server process ${pid})`;
  if (depth === undefined) return isHold || slots === SLOTS ? whole : `${whole}, with ${slots} of ${SLOTS} slots alone`;
  const oldest = typeof oldestAgeSeconds === 'number' ? `, the oldest for ${durationText(oldestAgeSeconds)}` : '';
  return `${whole}, with ${slots} of ${SLOTS} slots: ${depth} wait${oldest}`;
};

export const outboxText = (report: OutboxReport, width?: number): string => {
  const { depth, oldestAgeSeconds, rateIn, rateOut, etaSeconds, relays, held, refused } = report;
  const facts: (readonly [string, string])[] = [
    ['waiting', String(depth)],
    ['oldest', oldestAgeSeconds === null ? '-' : durationText(oldestAgeSeconds)],
    ['in', perSecond(rateIn)],
    ['out', perSecond(rateOut)],
    ['done in', eta(depth, etaSeconds)],
  ];
  if (relays.length === 0) facts.push(['relay', colors.red('none is active: is an API running?')]);
  for (const relay of relays) facts.push(['relay', relayText(relay)]);
  for (const { id, task_id, scope, reason, attempts } of held) {
    const text = `row ${id} of ${task_id} holds back ${scope} after ${attempts} attempts: ${reason}`;
    facts.push(['held', colors.yellow(lineOf(text))]);
  }
  if (refused > 0) facts.push(['refused', colors.red(`${refused} set aside: see \`ops outbox refused\``)]);
  return factsText(facts, width);
};
