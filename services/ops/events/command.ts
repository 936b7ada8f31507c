/** `ops events`: the event log, followed or read again. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { helpText } from '../cli/help.ts';
import { taskEntity } from '../../task/entity.ts';
import { OPS_GROUP_PREFIX } from '../../task/resources.ts';
import type { ReplayFlags } from './act.ts';
import type { ReplayStart } from './replay.ts';
import { collect, oneOf, timeMs, position, type Position } from '../cli/arguments.ts';
import { lazily } from '../cli/lazily.ts';

export const eventsCommand = (): Command =>
  new Command('events')
    .addCommand(tailCommand())
    .addCommand(replayCommand())
    .addCommand(repartitionCommand())
    .addHelpText(
      'after',
      helpText({ exits: { 0: 'done, or stopped' }, examples: ['npm run ops -- events tail --since 15m'] }),
    );

const TOMBSTONE = 'tombstone';

/** A type that the filter knows, by its whole name or its last word. */
const eventType = (name: string): string => {
  const types = Object.keys(taskEntity.effects);
  const short = types.map((type) => type.slice(type.lastIndexOf('.') + 1));
  if (types.includes(name)) return name;
  return oneOf([...short, TOMBSTONE])(name);
};

const tailCommand = (): Command =>
  new Command('tail')
    .description('print events as they arrive, until Ctrl+C')
    .option('--task <id>', 'only events of this task')
    .option(
      '--type <type>',
      'only this type: created, updated, deleted, tombstone, or a full name; may be repeated',
      collect(eventType),
    )
    .option('--since <time>', 'begin there instead of at the end: RFC 3339, or how long ago (15m, 2h, 3d)', timeMs)
    .option('--json', 'JSON, one object a line')
    .addHelpText(
      'after',
      helpText({
        notes:
          'Order holds within a task; between tasks it is the order of arrival. No group is joined and nothing is committed.',
        exits: { 0: 'stopped, or the reader of the pipe had enough' },
        examples: [
          'npm run ops -- events tail --since 15m',
          'npm run ops -- events tail --type created --type deleted',
          'npm run --silent ops -- events tail --task 0199d3a8-6c5e-7000-8000-000000000000 --json | jq .value.version',
        ],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).tail));

const startFlag = (value: string): ReplayStart =>
  value === 'beginning' ? { kind: 'beginning' } : { kind: 'time', timeMs: timeMs(value) };

const offsetFlag = (value: string, before?: ReplayFlags['fromOffset']): ReplayFlags['fromOffset'] => {
  if (value === 'beginning') return value;
  return [...(Array.isArray(before) ? (before as readonly Position[]) : []), position(value)];
};

const pastTimeMs = (value: string): number => {
  const time = timeMs(value);
  // eslint-disable-next-line no-restricted-syntax -- compared with a date that the user typed
  if (time > Date.now())
    throw new InvalidArgumentError('It must not be in the future; without it the topic is followed.');
  return time;
};

const replayCommand = (): Command =>
  new Command('replay')
    .description('read the events again as another group: JSON lines, one an event')
    .requiredOption('--group <name>', "whose offsets are committed; never the indexers' own group")
    .addOption(new Option('--from <time>', 'begin there: RFC 3339, how long ago, or "beginning"').argParser(startFlag))
    .addOption(
      new Option(
        '--from-offset <partition:offset>',
        'begin there; may be repeated, other partitions begin at their start; or "beginning"',
      )
        .argParser(offsetFlag)
        .conflicts('from'),
    )
    .option('--until <time>', 'stop before the first event of each partition that is not older', pastTimeMs)
    .addOption(new Option('--until-end', 'stop at the end as it is now').conflicts('until'))
    .option('--restart', 'forget where the group stopped, and begin at --from')
    .addHelpText(
      'after',
      helpText({
        notes: `
A line: {"partition", "offset", "time", "key", "headers", "type", "value"}; a tombstone's value is null. Bytes that are
not UTF-8 appear as "base64:…". Order holds within a task.

The group goes on where it stopped: --from counts only where it has not read before. An offset is committed after its
line was written: a run that was stopped repeats nothing, one that was killed repeats its last lines at most.
Without --until or --until-end the topic is followed until Ctrl+C.
In a cluster with the manifests' users, the group's name has to begin with ${OPS_GROUP_PREFIX}.`,
        exits: { 0: 'done, stopped, or the reader of the pipe had enough' },
        examples: [
          'npm run --silent ops -- events replay --group audit-2026 --until-end > events.ndjson',
          'npm run --silent ops -- events replay --group last-day --from 1d --until-end | jq -r .type | sort | uniq -c',
        ],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).replay));

const repartitionCommand = (): Command =>
  new Command('repartition')
    .description('after the topic has grown: publish again what moved, and end its events in the old places')
    .addHelpText(
      'after',
      helpText({
        notes: `
The events of a task that moved stay in its old partition, and compaction keeps the last of them for ever. This publishes
the newest state of each such task, by the outbox and the relay, and writes a tombstone to its old place. Writes may go
on. Run it once the relay knows the new partitions (docs/runbooks/scale-partitions.md); it notices when it does not.
It may be stopped and repeated.`,
        exits: { 0: 'done', 1: 'it could not run, or not to its end' },
        examples: ['npm run ops -- events repartition'],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).repartitionTopic));
