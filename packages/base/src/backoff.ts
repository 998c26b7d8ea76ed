/** Limits of a backoff, in milliseconds. */
export interface BackoffOptions {
  readonly initial: number;
  readonly max: number;
}

/**
 * Exponential backoff with full jitter: the delay in milliseconds before try
 * `attempt` (0 is the first repetition), between half and the whole of
 * `initial * 2^attempt`, at most `max`.
 */
export function backoff(attempt: number, options: BackoffOptions, random: () => number = Math.random): number {
  const ceiling = Math.min(options.max, options.initial * 2 ** Math.min(attempt, 30));
  return ceiling / 2 + random() * (ceiling / 2);
}
