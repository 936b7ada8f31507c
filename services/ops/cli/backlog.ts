/** Backlogs as people read them. */
import Table from 'cli-table3';
import colors from 'picocolors';
import { lineOf } from '../../platform/printable.ts';
import { durationText } from './text.ts';
import type { LagReport } from '../lag/lag.ts';
import type { OutboxReport } from '../outbox/outbox.ts';

const perSecond = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)}/s`;

const eta = (waiting: number, seconds: number | null): string =>
  waiting === 0 ? '-' : seconds === null ? colors.yellow('does not shrink') : durationText(seconds);

export const lagTable = ({ topic, group, state, members, partitions, total }: LagReport): string => {
  const table = new Table({
    head: ['partition', 'end', 'committed', 'lag', 'in', 'out', 'done in', 'read by'],
    colAligns: ['right', 'right', 'right', 'right', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [] },
  });
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
    table.push([row.partition, ...figures, row.member === null ? colors.yellow('nobody') : lineOf(row.member)]);
  }
  table.push([
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
  return `${topic} for group ${group} (${state})\n${table.toString()}${note}`;
};

export const outboxText = ({
  depth,
  oldestAgeSeconds,
  rateIn,
  rateOut,
  etaSeconds,
  relay,
  held,
  refused,
}: OutboxReport): string =>
  [
    ['waiting', String(depth)],
    ['oldest', oldestAgeSeconds === null ? '-' : durationText(oldestAgeSeconds)],
    ['in', perSecond(rateIn)],
    ['out', perSecond(rateOut)],
    ['done in', eta(depth, etaSeconds)],
    [
      'relay',
      relay === null
        ? colors.red('none is active: is an API running?')
        : `${relay.isHold ? 'HELD BACK by `ops relay hold`' : 'active'} for ${durationText(relay.sessionSeconds)}, from ${relay.address ?? 'a local socket'} (server process ${relay.pid})`,
    ],
    ...held.map(({ id, task_id, scope, reason, attempts }) => [
      'held',
      colors.yellow(lineOf(`row ${id} of ${task_id} holds back ${scope} after ${attempts} attempts: ${reason}`)),
    ]),
    ...(refused === 0 ? [] : [['refused', colors.red(`${refused} set aside: see \`ops outbox refused\``)]]),
  ]
    .map(([name, value]) => `${String(name).padEnd(9)}${String(value)}`)
    .join('\n');
