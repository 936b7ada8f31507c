import { describe, expect, it } from 'vitest';
import { memoryShortage } from '../../services/pipeline/consume/memory.ts';

const MIB = 1_048_576;
const settings = { FETCH_BUFFER_KBYTES: 16_384, BULK_MAX_BYTES: 5 * MIB };

describe('memoryShortage', () => {
  it('says nothing when heap and buffers fit, or nothing limits them', () => {
    expect(memoryShortage(settings, 192 * MIB, 384 * MIB)).toBeUndefined();
    expect(memoryShortage(settings, 4_096 * MIB, undefined)).toBeUndefined();
    expect(memoryShortage(settings, 4_096 * MIB, 2 ** 63)).toBeUndefined();
  });

  it('names limit, heap and settings when they do not fit', () => {
    expect(memoryShortage(settings, 320 * MIB, 384 * MIB)).toMatch(/384 MiB.*320 MiB.*FETCH_BUFFER_KBYTES/);
    expect(memoryShortage({ ...settings, FETCH_BUFFER_KBYTES: 131_072 }, 192 * MIB, 384 * MIB)).toContain('384 MiB');
  });
});
