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
export declare const systemClock: Clock;
/** Returns the delay before the next attempt: exponential, with full jitter. `attempt` counts from 0. */
export declare const backoff: (clock: Clock, attempt: number, longestMs: number) => number;
