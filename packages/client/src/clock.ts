/** Measures time, and makes the jitter of retries. Tests inject their own. */
export interface Clock {
  /** Returns milliseconds since 1970. */
  now(): number;
  /** Returns a number from 0 to 1. */
  random(): number;
  /** Runs `work` after `ms` milliseconds; returns what `clearTimeout` takes. */
  setTimeout(work: () => void, ms: number): unknown;
  /** Cancels work that `setTimeout` scheduled. */
  clearTimeout(timer: unknown): void;
}

/** Follows the time of the machine. */
export const systemClock: Clock = {
  now: Date.now,
  random: Math.random,
  setTimeout: (work, ms) => setTimeout(work, ms),
  clearTimeout: (timer) => clearTimeout(timer as number),
};

const FIRST_MS = 250;

/** Returns the delay before the next attempt: exponential, with full jitter. `attempt` counts from 0. */
export const backoff = (clock: Clock, attempt: number, longestMs: number): number =>
  clock.random() * Math.min(longestMs, FIRST_MS * 2 ** attempt);
