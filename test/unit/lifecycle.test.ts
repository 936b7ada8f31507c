import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createLifecycle } from '../../services/platform/lifecycle.ts';
import { createLogger } from '../../services/platform/logger.ts';

const start = (deadlineMs = 1_000) => {
  const target = new EventEmitter();
  let onExit: (code: number) => void = () => undefined;
  const exited = new Promise<number>((resolve) => {
    onExit = resolve;
  });
  const lifecycle = createLifecycle({
    logger: createLogger({ service: 'test', level: 'silent' }),
    deadlineMs,
    exit: onExit,
    process: target as unknown as Pick<NodeJS.Process, 'on'>,
  });
  return { target, lifecycle, exited };
};
const never = () => new Promise<void>(() => undefined);

describe('the lifecycle', () => {
  it('closes what was opened last first, and exits with 0', async () => {
    const { target, lifecycle, exited } = start();
    const closed: string[] = [];
    for (const name of ['pool', 'relay', 'server']) lifecycle.onClose(name, 100, async () => closed.push(name));
    target.emit('SIGTERM');
    expect(await exited).toBe(0);
    expect(closed).toEqual(['server', 'relay', 'pool']);
    expect(lifecycle.signal.aborted).toBe(true);
  });

  it('goes on after a close that fails or hangs, and exits with 1', async () => {
    const { target, lifecycle, exited } = start();
    const closed: string[] = [];
    lifecycle.onClose('pool', 100, async () => closed.push('pool'));
    lifecycle.onClose('broken', 100, () => Promise.reject(new Error('broken')));
    lifecycle.onClose('hanging', 20, never);
    target.emit('SIGTERM');
    expect(await exited).toBe(1);
    expect(closed).toEqual(['pool']);
  });

  it('exits when the whole stop takes too long', async () => {
    const { target, lifecycle, exited } = start(30);
    lifecycle.onClose('hanging', 10_000, never);
    target.emit('SIGTERM');
    expect(await exited).toBe(1);
  });

  it('exits at once on a second signal', async () => {
    const { target, lifecycle, exited } = start();
    lifecycle.onClose('hanging', 900, never);
    target.emit('SIGTERM');
    target.emit('SIGINT');
    expect(await exited).toBe(130);
  });

  it('closes everything and exits with 1 after a fault that nobody caught', async () => {
    const { target, lifecycle, exited } = start();
    const closed: string[] = [];
    lifecycle.onClose('pool', 100, async () => closed.push('pool'));
    target.emit('unhandledRejection', new Error('oops'));
    expect(await exited).toBe(1);
    expect(closed).toEqual(['pool']);
  });
});
