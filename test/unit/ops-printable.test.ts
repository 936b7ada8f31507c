import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { etaSeconds, rate } from '../../services/ops/cli/drain.ts';
import { bytesBlock, bytesJson, bytesLine, lineOf } from '../../services/platform/printable.ts';
import { timeText } from '../../services/platform/kafka/record-time.ts';
import { collect, durationMs, timeMs, position, wholeNumber } from '../../services/ops/cli/arguments.ts';
import { durationText } from '../../services/ops/cli/text.ts';
import { rowLine, tableOf } from '../../services/ops/status/show.ts';
import { eventJson, readableLine } from '../../services/ops/events/event.ts';
import { deepEvent, messageOf } from '../support/events.ts';
import { TEXT_FIELD } from '../support/sample.ts';

describe('what comes from a topic', () => {
  it('is printed without a character that could move the cursor, colour the text or turn its direction', () => {
    const codes = Array.from({ length: 0x10000 }, (_, code) => code);
    // Looked for by another list than the code's: what ISO 6429 and Unicode's UAX #9 name.
    const acts = (code: number): boolean =>
      code < 0x20 ||
      (code >= 0x7f && code <= 0x9f) ||
      [0x061c, 0x200e, 0x200f, 0x2028, 0x2029, 0xfeff].includes(code) ||
      (code >= 0x202a && code <= 0x202e) ||
      (code >= 0x2066 && code <= 0x2069);
    const escaped = codes.filter((code) => lineOf(String.fromCharCode(code)) !== String.fromCharCode(code));
    expect(escaped).toEqual(codes.filter(acts));
    expect(lineOf('a\nb\tc\u001b[31m')).toBe('a\\nb\\tc\\u001b[31m');
    expect(lineOf('täglich ✓ 🌱')).toBe('täglich ✓ 🌱');
  });

  it('is shown in hexadecimal, and kept in base64, when it is not UTF-8', () => {
    const bytes = Buffer.from([0xff, 0x41, 0x1b]);
    expect(bytesLine(bytes)).toBe('0xff411b');
    expect(bytesBlock(bytes)).toMatch(/^00000000 {2}ff 41 1b {2,}\.A\.$/);
    expect(bytesJson(bytes)).toBe('base64:/0Eb');
    expect(bytesJson(Buffer.from('text'))).toBe('text');
    expect(bytesBlock(Buffer.from('{"a":[1]}'))).toBe('{\n  "a": [\n    1\n  ]\n}');
  });

  it('is shown as text where its value is nested too deep to be written as JSON', () => {
    const { key, value } = deepEvent();
    const message = messageOf({ key, value });
    expect(JSON.parse(eventJson(message))).toMatchObject({ key, type: null, value: String(value) });
    expect(readableLine(message)).toContain(String(key));
    const deepField = Buffer.from(
      String(value).replace(`"${TEXT_FIELD}":`, '"other":').replace('"deep"', `"${TEXT_FIELD}"`),
    );
    expect(readableLine(messageOf({ key, value: deepField }))).toContain(String(key));
  });

  it('may bear any number as its time', () => {
    for (const ms of [undefined, -1, Number.NaN, 1e20, 253_402_300_800_000]) expect(timeText(ms)).toBe(null);
    expect(timeText(0)).toBe('1970-01-01T00:00:00.000Z');
  });
});

describe('times on the command line', () => {
  it('are RFC 3339 with a zone, or how long ago; anything else is refused', () => {
    expect(timeMs('2026-11-24T08:00:00+01:00')).toBe(Date.UTC(2026, 10, 24, 7));
    expect(Math.abs(timeMs('2h') - (Date.now() - 7_200_000))).toBeLessThan(1_000);
    expect(durationMs('3d')).toBe(259_200_000);
    for (const text of ['yesterday', '2026-11-24', '2026-11-24T08:00:00', '2026-13-24T08:00:00Z', '', '5', '-5m']) {
      expect(() => timeMs(text), text).toThrow();
    }
  });

  it('stand beside positions and counts', () => {
    expect(position('3:17')).toEqual({ partition: 3, offset: 17 });
    for (const text of ['3', ':1', '1:', '-1:2', 'a:b']) expect(() => position(text), text).toThrow();
    for (const text of ['', '-1', '1.5', '99999999999999999999']) expect(() => wholeNumber(text), text).toThrow();
    expect(collect(wholeNumber)('2', collect(wholeNumber)('1'))).toEqual([1, 2]);
    expect([59, 125, 4_200, 90_000].map(durationText)).toEqual(['59 s', '2 min 5 s', '1 h 10 min', '1 d 1 h']);
  });
});

describe('the time until something is empty', () => {
  it('is finite while it shrinks, nothing when it does not, and 0 when nothing waits', () => {
    expect(etaSeconds(100, { rateIn: 5, rateOut: 15 })).toBe(10);
    expect(etaSeconds(100, { rateIn: 5, rateOut: 5 })).toBe(null);
    expect(etaSeconds(0, { rateIn: 5, rateOut: 0 })).toBe(0);
    expect([rate(10, 30, 4), rate(30, 10, 4), rate(1, 2, 0)]).toEqual([5, 0, 0]);
  });
});

it('what a cluster says of an object is printed as one line, without a character that acts on the terminal', () => {
  const detail = 'no leader\n\u001b[2Jall is ready\r\u202eydaer';
  const row = { kind: 'Kafka', name: 'taskstream', state: 'waiting' as const, detail };
  const shown = String.raw`no leader\n\u001b[2Jall is ready\u000d\u202eydaer`;
  expect(stripVTControlCharacters(rowLine(row))).toBe(`Kafka taskstream: waiting (${shown})`);
  expect(stripVTControlCharacters(tableOf([row], 200)).split('\n')).toEqual([
    expect.stringMatching(/^kind /) as string,
    expect.stringContaining(shown) as string,
  ]);
});
