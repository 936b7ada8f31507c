import { expect, it } from 'vitest';
import { runOps } from '../support/ops.ts';

it('ops says what was meant, and shows the help of one command with its options', async () => {
  const [typo, help] = await Promise.all([runOps(['impor'], {}), runOps(['help', 'import'], {})]);
  expect(typo).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('Did you mean import?') as string,
  });
  // Not the help of all commands, under which the sentence would be lost.
  expect(typo.stderr.trim().split('\n').length).toBeLessThan(5);
  expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('--timezone') as string });
});
