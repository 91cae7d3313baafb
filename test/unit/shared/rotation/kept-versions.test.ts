import { keptForBackups } from '../../../../shared/rotation/kept-versions';
import type { Retirement } from '../../../../shared/rotation/ports';

const day = 86_400;
const onDay = (day: number): string => new Date(Date.UTC(2026, 0, 1 + day)).toISOString();
const retired = (rotationId: string, completedOn: number, status: Retirement['status'] = 'waiting'): Retirement => ({
  rotationId,
  versions: [rotationId.repeat(32)],
  completedAt: onDay(completedOn),
  dueAt: onDay(completedOn + 7),
  status,
  disabledAt: null,
  reasons: [],
});
const a = retired('a', 0, 'retired');
const b = retired('b', 100);
const c = retired('c', 200);
const kept = (all: readonly Retirement[], which: Retirement, keep: { count?: number; age?: number }, today = 210) =>
  keptForBackups(all, which, { count: keep.count ?? 0, ageSeconds: (keep.age ?? 0) * day }, new Date(onDay(today)));

describe('versions kept for backups', () => {
  test('are none where policy names neither count nor age', () => {
    expect(kept([a, b, c], c, {})).toBeNull();
  });

  test.each([
    ['the latest', c, 1, true],
    ['the one before', b, 1, false],
    ['the one before, of two', b, 2, true],
    ['the oldest, of two', a, 2, false],
  ])('by count: %s', (_which, retirement, count, isKept) => {
    expect(kept([c, a, b], retirement, { count }) !== null).toBe(isKept);
  });

  test('by count, rotations that went back do not push older ones out', () => {
    expect(kept([a, b, retired('d', 201, 'ended'), c], b, { count: 2 })?.message).toContain('1 more rotation has');
  });

  test('by count, of two that completed at the same instant one is the later', () => {
    const twin = retired('d', 200);
    expect([c, twin].map((each) => kept([c, twin], each, { count: 1 }) === null)).toEqual([true, false]);
  });

  test.each([
    [299, true],
    [300, false],
  ])('by age, counted from when they went out of use: on day %i', (today, isKept) => {
    expect(kept([a, b, c], c, { age: 100 }, today) !== null).toBe(isKept);
  });

  test('are kept while either says so, and the reason says until when', () => {
    expect(kept([a, b, c], b, { age: 150, count: 0 })?.message).toContain(onDay(250));
    expect(kept([a, b, c], b, { age: 10, count: 2 })).toMatchObject({ code: 'kept-for-backups' });
  });
});
