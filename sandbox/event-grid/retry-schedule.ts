const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** Azure's documentation: Event Grid message delivery and retry (2023-03-01). Azure adds some randomness; a stand-in must not. */
const waits = [10 * second, 30 * second, minute, 5 * minute, 10 * minute, 30 * minute, hour, 3 * hour, 6 * hour];
const everyTwelveHours = 12 * hour;

export interface RetryPolicy {
  maxDeliveryAttempts: number;
  eventTimeToLiveMinutes: number;
}

export const defaultRetryPolicy: RetryPolicy = { maxDeliveryAttempts: 30, eventTimeToLiveMinutes: 1440 };

/** Answers after which a webhook is not tried again (same document, which added 403 in a later edition). */
const final = new Set([400, 401, 403, 413]);
const delivered = new Set([200, 201, 202, 203, 204]);

export type Verdict =
  | { next: 'delivered' }
  | { next: 'retry'; dueMilliseconds: number }
  | { next: 'deadLetter'; reason: 'MaxDeliveryAttemptsExceeded' | 'TimeToLiveExceeded' | 'NotRetriable' };

/**
 * What follows a delivery attempt.
 * @param attempts attempts so far, this one included
 * @param status answer of the webhook; 0 = none (refused, reset, or no answer within 30 s)
 * @param times publication and now, in virtual milliseconds
 */
export function afterAttempt(
  attempts: number,
  status: number,
  times: { published: number; now: number },
  policy: RetryPolicy = defaultRetryPolicy,
): Verdict {
  if (delivered.has(status)) return { next: 'delivered' };
  if (final.has(status)) return { next: 'deadLetter', reason: 'NotRetriable' };
  if (attempts >= policy.maxDeliveryAttempts) return { next: 'deadLetter', reason: 'MaxDeliveryAttemptsExceeded' };
  const dueMilliseconds = times.now + (waits[attempts - 1] ?? everyTwelveHours);
  if (dueMilliseconds > times.published + policy.eventTimeToLiveMinutes * minute) {
    return { next: 'deadLetter', reason: 'TimeToLiveExceeded' };
  }
  return { next: 'retry', dueMilliseconds };
}
