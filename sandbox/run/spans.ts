const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** A span of time as people say it, two units at most: `0.4 s`, `12 s`, `3 min 5 s`, `24 h`, `2 d 4 h`. */
export function span(milliseconds: number): string {
  if (milliseconds < 10 * second) return `${(Math.max(milliseconds, 0) / second).toFixed(1)} s`;
  if (milliseconds < minute) return `${Math.round(milliseconds / second)} s`;
  if (milliseconds < hour) return two(Math.round(milliseconds / second), 60, 'min', 's');
  // A soak of 24 h is called so, not "1 d".
  if (milliseconds < 2 * day) return two(Math.round(milliseconds / minute), 60, 'h', 'min');
  return two(Math.round(milliseconds / hour), 24, 'd', 'h');
}

function two(small: number, ratio: number, bigName: string, smallName: string): string {
  const rest = small % ratio;
  const big = `${Math.floor(small / ratio)} ${bigName}`;
  return rest === 0 ? big : `${big} ${rest} ${smallName}`;
}

/** The first eight characters of a version, enough to tell two apart on a screen; `none` for null. */
export function shortVersion(version: string | null | undefined): string {
  return version ? version.slice(0, 8) : 'none';
}
