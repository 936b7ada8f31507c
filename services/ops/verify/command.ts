/** `ops verify`: whether PostgreSQL and the index hold the same tasks in the same versions; repairs what differs. */
import { Command, Option } from 'commander';
import { wholeNumberFrom } from '../cli/arguments.ts';
import { helpText } from '../cli/help.ts';
import { EXIT } from './report.ts';
import { lazily } from '../cli/lazily.ts';

export const verifyCommand = (): Command =>
  new Command('verify')
    .option('--repair', 'repair the drift: by versioned writes to the index, or through the pipeline')
    .addOption(
      new Option('--content [when]', 'compare what they say too; alternate: unless the last run did')
        .choices(['always', 'alternate'])
        .preset('always'),
    )
    .addOption(
      new Option('--grace <seconds>', 'how long a difference may wait for the pipeline')
        .argParser(wholeNumberFrom(0, 3_600))
        .default(30),
    )
    .addOption(
      new Option('--max-rate <tasks/s>', 'compare no faster; default: no limit').argParser(
        wholeNumberFrom(1, 10_000_000),
      ),
    )
    .addOption(new Option('--show <n>', 'differences to list').argParser(wholeNumberFrom(0, 10_000)).default(20))
    .option('--details <file>', 'write all differences to a file, as JSON lines')
    .option('--json', 'print JSON for scripts')
    .addHelpText(
      'after',
      helpText({
        notes: `
What differs is read again: it is drift when it still differs after everything that was in the outbox and in the
topic has been indexed. Without KAFKA_BROKERS verify cannot know that, and --grace decides. Writes may go on.

  missing  a row without a document,          repair: the document or marker is written
           or a deletion without its marker
  stale    a document older than its row      repair: the document is written
  ahead    a document newer than its row      repair: the row's version is raised, and an event published
  surplus  a document without a row           repair: its deletion is published
  content  with --content: it says something  repair: the row's version is raised, and an event published
           else than the row of its version
The kinds ahead and surplus are found after PostgreSQL was restored from a backup. Their repairs need the relay and an indexer.

Deletions are final for DELETION_RETENTION_DAYS: until then the index keeps a marker of each, which searches do not show.
Every run first purges the older ones.

Each run is recorded; the API exports the last one as metrics (taskstream_verify_…).

Reads DATABASE_URL, ELASTICSEARCH_URL, KAFKA_BROKERS and their companions (docs/configuration.md).`,
        exits: {
          [EXIT.equal]: 'equal, or all of it repaired',
          [EXIT.drift]: 'drift (with --repair: what could not be repaired), or an alias that shows deletions',
          [EXIT.undecided]: 'undecided: the pipeline is behind',
        },
        examples: [
          'npm run ops -- verify',
          'npm run ops -- verify --content',
          'npm run ops -- verify --repair --details drift.ndjson',
          'npm run --silent ops -- verify --json --max-rate 20000 | jq .drift',
        ],
      }),
    )
    .action(lazily(async () => (await import('./act.ts')).verifyAll));
