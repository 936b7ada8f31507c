import { DatabaseError } from 'pg';
import { describe, expect, it } from 'vitest';
import { isDatabaseUnavailable, isRefusedStatement } from '../../services/platform/postgres-outage.ts';

const answered = (code: string, fields: Partial<DatabaseError> = {}): DatabaseError =>
  Object.assign(new DatabaseError('no', 0, 'error'), { code, severity: 'ERROR', ...fields });

describe('an error of PostgreSQL', () => {
  it.each(['28000', '28P01', '3D000', '42501', '25P03', '25P04', '58030', '57014', '55P03', '25006', '53100', '57P03'])(
    'with the code %s makes it unavailable, and the same for all of a statement',
    (code) => {
      expect(isDatabaseUnavailable(answered(code))).toBe(true);
      expect(isRefusedStatement(answered(code))).toBe(false);
    },
  );

  it.each([
    ['a syntax error', '42601'],
    ['an unknown column', '42703'],
    ['a violated constraint', '23514'],
    ['a value out of range', '22003'],
    ['a state that something else than connecting met', '55000'],
    ['a fault of the server', 'XX000'],
  ])('that is %s (%s) is no outage, and may be of one part of a statement', (_, code) => {
    expect(isDatabaseUnavailable(answered(code))).toBe(false);
    expect(isRefusedStatement(answered(code))).toBe(true);
  });

  it('that names the row it waited for, or a deadlock, may be of one part of a statement', () => {
    expect(isRefusedStatement(answered('57014', { where: 'while locking tuple (0,1) in relation "tasks"' }))).toBe(
      true,
    );
    expect(isRefusedStatement(answered('40P01'))).toBe(true);
  });

  it('that ended the session leaves open what was done', () => {
    expect(isRefusedStatement(answered('57P01', { severity: 'FATAL' }))).toBe(false);
    expect(isRefusedStatement(new Error('Connection terminated unexpectedly'))).toBe(false);
  });
});
