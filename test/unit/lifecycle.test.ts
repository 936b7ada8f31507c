import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { waitFor } from '../support/wait.ts';

const platform = join(import.meta.dirname, '../../services/platform');
const children: ChildProcessByStdio<null, Readable | null, Readable>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Options {
  readonly deadlineMs?: number;
  /** Whether the log stays in its pipe; what the script writes to standard error is read all the same. */
  readonly unread?: boolean;
  /** Where the log goes instead of a pipe. */
  readonly logTo?: string;
  /** How many files the process may open; as many as this one when not given. */
  readonly maxFiles?: number;
}

/** A process with a lifecycle and what `script` does with it; resolves when the script has run. */
const start = async (script: string, { deadlineMs = 10_000, unread = false, logTo, maxFiles }: Options = {}) => {
  const source = `
    import { Registry } from 'prom-client';
    import { closeSync, openSync, write, writeSync } from 'node:fs';
    import { createLifecycle } from '${platform}/lifecycle.ts';
    import { createLogger } from '${platform}/logger.ts';
    const registry = new Registry();
    const logger = createLogger({ service: 'test', level: 'debug', registry });
    const lifecycle = createLifecycle({ logger, deadlineMs: ${deadlineMs} });
    const say = (text) => writeSync(2, text + '\\n');
    const close = (name) => lifecycle.onClose(name, 60_000, async () => say('closed ' + name));
    setInterval(() => undefined, 1_000);
    ${script}
    say('ready');`;
  const logFd = logTo === undefined ? 'pipe' : openSync(logTo, 'a');
  const node = [process.execPath, '--import', 'tsx', '--input-type=module', '--eval', source];
  const limit = maxFiles === undefined ? '' : `ulimit -n ${maxFiles} && `;
  const child = spawn('sh', ['-c', `${limit}exec "$@"`, 'sh', ...node], {
    stdio: ['ignore', logFd, 'pipe'],
  }) as ChildProcessByStdio<null, Readable | null, Readable>;
  if (typeof logFd === 'number') closeSync(logFd);
  children.push(child);
  let log = '';
  let said = '';
  const read = () => child.stdout?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  if (!unread) read();
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  // Its exit and not its close, which waits for a reader of the log.
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const says = (text: string) => waitFor(`"${text}"`, () => said.includes(`${text}\n`), { intervalMs: 10 });
  await says('ready');
  return { child, exited, read, says, said: () => said.split('\n').filter((line) => line !== ''), log: () => log };
};

const NEVER = 'new Promise(() => undefined)';
/** More than the pipe and the buffer before it hold. */
const LOG_TOO_MUCH = `for (let line = 0; line < 10_000; line += 1) logger.info({ text: 'x'.repeat(1_000) }, 'line');`;
const SAY_DROPPED_AT_CLOSE = `lifecycle.onClose('count', 60_000, async () =>
  say(await registry.getSingleMetricAsString('taskstream_log_lines_dropped_total')));`;

describe('the lifecycle', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('closes what was opened last first on %s', async (signal) => {
    const { child, exited, said } = await start(`close('pool'); close('relay'); close('server');`);
    child.kill(signal);
    expect(await exited).toEqual([0, null]);
    expect(said()).toEqual(['ready', 'closed server', 'closed relay', 'closed pool']);
  });

  it('goes on after a close that fails or hangs, and exits with 1', async () => {
    const { child, exited, said } = await start(`
      close('pool');
      lifecycle.onClose('broken', 100, () => Promise.reject(new Error('broken')));
      lifecycle.onClose('hanging', 20, () => ${NEVER});`);
    child.kill();
    expect(await exited).toEqual([1, null]);
    expect(said()).toEqual(['ready', 'closed pool']);
  });

  it('closes everything and exits although no file and no process can be opened any more', async () => {
    const { child, exited, said } = await start(
      `close('pool');
       try {
         for (;;) openSync('/dev/null');
       } catch (error) {
         say(error.code);
       }`,
      { maxFiles: 256 },
    );
    child.kill();
    expect(await exited).toEqual([0, null]);
    expect(said()).toEqual(['EMFILE', 'ready', 'closed pool']);
  });

  it('exits with 1 when the whole stop takes too long', async () => {
    const { child, exited } = await start(`lifecycle.onClose('hanging', 60_000, () => ${NEVER});`, {
      deadlineMs: 1_500,
    });
    child.kill();
    expect(await exited).toEqual([1, null]);
  });

  it('closes everything and exits with 1 after a fault that nobody caught', async () => {
    const { exited, said, log } = await start(`close('pool'); setTimeout(() => { throw new Error('oops'); }, 1);`);
    expect(await exited).toEqual([1, null]);
    expect(said()).toContain('closed pool');
    expect(log()).toContain('uncaught exception: oops');
  });

  it('ends at the deadline although the event loop is blocked', async () => {
    const { child, exited, says } = await start(
      `lifecycle.onClose('blocking', 1, () => { say('blocked'); for (;;); });`,
      { deadlineMs: 1_500 },
    );
    child.kill();
    await says('blocked');
    expect(await exited).toEqual([null, 'SIGKILL']);
  });

  it('ends at once on a second signal although the event loop is blocked', async () => {
    const { child, exited, says } = await start(
      `lifecycle.onClose('blocking', 1, () => { say('blocked'); for (;;); });`,
      { deadlineMs: 600_000 },
    );
    child.kill();
    await says('blocked');
    child.kill('SIGINT');
    expect(await exited).toEqual([null, 'SIGINT']);
  });

  it('does not open the inspector on SIGUSR1', async () => {
    const { child, says, said } = await start(`
      const { url } = await import('node:inspector');
      lifecycle.onClose('inspector', 60_000, async () => say('inspector: ' + url()));`);
    child.kill('SIGUSR1');
    child.kill();
    await says('inspector: undefined');
    expect(said().join()).not.toContain('Debugger listening');
  });
});

describe('a log that nobody reads', () => {
  it('delays the end by a few seconds for its last lines, and not for ever', async () => {
    const { child, exited, said } = await start(`close('pool'); ${LOG_TOO_MUCH}`, {
      unread: true,
      deadlineMs: 600_000,
    });
    child.kill();
    expect(await exited).toEqual([null, 'SIGKILL']);
    expect(said()).toEqual(['ready', 'closed pool']);
  });

  it('does not keep a second signal from ending the process at once', async () => {
    const { child, exited, says } = await start(
      `lifecycle.onClose('hanging', 600_000, () => { say('closing'); return ${NEVER}; }); ${LOG_TOO_MUCH}`,
      { unread: true, deadlineMs: 600_000 },
    );
    child.kill();
    await says('closing');
    child.kill();
    expect(await exited).toEqual([null, 'SIGTERM']);
  });

  it('costs a bounded buffer: further lines are dropped, counted, and reported when somebody reads', async () => {
    const { child, exited, read, says, said, log } = await start(
      `${SAY_DROPPED_AT_CLOSE}
       ${LOG_TOO_MUCH}
       const dropped = () => registry.getSingleMetric('taskstream_log_lines_dropped_total').get();
       say('dropped some: ' + ((await dropped()).values[0].value > 0));`,
      { unread: true },
    );
    await says('dropped some: true');
    read();
    await waitFor('the report', () => log().includes('lines were dropped'), { intervalMs: 10 });
    child.kill();
    await exited;
    expectDroppedLinesCounted(log(), said());
  });
});

// Only Linux has a device that is always full.
describe.runIf(process.platform === 'linux')('a log that cannot be written', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'log-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('ends nothing, and does not keep the process from a clean end', async () => {
    const { child, exited, says, said } = await start(
      `close('pool');
       logger.info('line');
       write(1, 'text', (error) => say('full: ' + (error?.code === 'ENOSPC')));`,
      { logTo: '/dev/full' },
    );
    await says('full: true');
    child.kill();
    expect(await exited).toEqual([0, null]);
    expect(said()).toContain('closed pool');
  });

  it('does not block the stop after a fault', async () => {
    const { exited, said } = await start(`close('pool'); setTimeout(() => { throw new Error('oops'); }, 1);`, {
      logTo: '/dev/full',
    });
    expect(await exited).toEqual([1, null]);
    expect(said()).toContain('closed pool');
  });

  it('costs a bounded buffer: further lines are dropped, counted, and reported when it can be written again', async () => {
    const log = join(folder, 'log');
    const { child, exited, said } = await start(
      `${SAY_DROPPED_AT_CLOSE}
       ${LOG_TOO_MUCH}
       write(1, 'text', (error) => {
         say('full: ' + (error?.code === 'ENOSPC'));
         // Takes the place of the full one: the lowest free descriptor.
         closeSync(1);
         openSync('${log}', 'a');
       });`,
      { logTo: '/dev/full' },
    );
    await waitFor('the report', () => readIfAny(log).includes('lines were dropped'), { intervalMs: 10 });
    child.kill();
    expect(await exited).toEqual([0, null]);
    expect(said()).toContain('full: true');
    expectDroppedLinesCounted(readIfAny(log), said());
  });
});

describe.runIf(process.platform === 'linux')('that the log cannot be written', () => {
  const REPORT = 'the log cannot be written';

  it('is said once on standard error, with the reason and how many lines were dropped', async () => {
    const { said } = await start(LOG_TOO_MUCH, { logTo: '/dev/full' });
    const reports = () => said().filter((line) => line.includes(REPORT));
    await waitFor('the report', () => reports().length > 0);
    // Many attempts fail meanwhile.
    await delay(1_000);
    expect(reports()).toHaveLength(1);
    const report = JSON.parse(reports().join()) as { level: string; reason: string; dropped: number };
    expect(report).toMatchObject({
      level: 'error',
      service: 'test',
      reason: expect.stringContaining('ENOSPC') as string,
    });
    expect(report.dropped).toBeGreaterThan(0);
  });

  it('is not said where standard error is the same place, in the middle of whose lines it could stand', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'log-'));
    const log = join(folder, 'log');
    const { child, exited } = await start(
      `setTimeout(() => {
         closeSync(2);
         openSync('/dev/full', 'a');
         logger.info('line');
         setTimeout(() => {
           for (const fd of [1, 2]) {
             closeSync(fd);
             openSync('${log}', 'a');
           }
         }, 500);
       }, 10);`,
      { logTo: '/dev/full' },
    );
    await waitFor('the line', () => readIfAny(log).includes('"msg":"line"'), { intervalMs: 10 });
    child.kill();
    await exited;
    expect(readIfAny(log)).not.toContain(REPORT);
    rmSync(folder, { recursive: true });
  });
});

/** What a file says; nothing before it is there. */
const readIfAny = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');

/** Of the lines of {@link LOG_TOO_MUCH}, the log has those that were not counted as dropped, and it says how many were. */
const expectDroppedLinesCounted = (log: string, said: readonly string[]): void => {
  const counted = Number(/^taskstream_log_lines_dropped_total (\d+)$/m.exec(said.join('\n'))?.[1]);
  const lines = log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { msg: string; lines?: number });
  expect(counted).toBeGreaterThan(0);
  expect(lines.filter(({ msg }) => msg === 'line')).toHaveLength(10_000 - counted);
  expect(lines.find(({ msg }) => msg.includes('were dropped'))?.lines).toBe(counted);
};
