import { describe, expect, it } from 'vitest';
import { formatLogLine } from '../../infra/local/start/log-line.ts';

const plain = (_colour: string, text: string) => text;

describe('a log line on the terminal', () => {
  it('shows time, level, message and fields', () => {
    const line = JSON.stringify({
      level: 'info',
      time: '2026-11-24T04:05:06.789Z',
      service: 'api',
      port: 9234,
      msg: 'listening',
    });
    expect(formatLogLine(line, plain)).toEqual(['04:05:06.789 info  listening port=9234']);
  });

  it('puts the stack of an error below', () => {
    const err = { type: 'Error', message: 'gone', stack: 'Error: gone\n    at here' };
    const line = JSON.stringify({ level: 'error', time: '2026-11-24T04:05:06.789Z', err, msg: 'lost' });
    expect(formatLogLine(line, plain)).toEqual(['04:05:06.789 error lost', '  Error: gone', '      at here']);
  });

  it.each(['plain text', '{"cut off', ''])('passes on %j as it is', (line) => {
    expect(formatLogLine(line, plain)).toEqual([line]);
  });
});
