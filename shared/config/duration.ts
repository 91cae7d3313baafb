const form = /^P(?:(\d+)W|(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?)$/;

/**
 * Seconds of an ISO 8601 duration of weeks, days, hours, minutes and seconds; null if it is not one. Months and years have
 * no fixed length and are not accepted.
 */
export function parseDuration(text: string): number | null {
  const match = form.exec(text);
  if (!match || !/\d/.test(text) || text.endsWith('T')) return null;
  const [weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return (weeks * 7 + days) * 86_400 + hours * 3600 + minutes * 60 + seconds;
}
