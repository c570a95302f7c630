/** The JSON of an error in an answer or a frame. */
export interface ErrorBody {
  code?: string;
  message?: string;
  data?: unknown;
  hint?: string | string[] | undefined;
  docsUrl?: string;
}

const RETRYABLE = new Set(["RATE_LIMITED", "TOO_MANY_REQUESTS", "SHARD_ERROR", "SHARD_UNAVAILABLE"]);
const AUTH = new Set(["UNAUTHORIZED", "TOKEN_EXPIRED"]);

/** Reports a call, a subscription or a write that failed. Compare `code`, not `message`. */
export class LunoraError extends Error {
  override readonly name = "LunoraError";
  /** Identifies the kind of the failure, such as `FORBIDDEN` or `NETWORK_ERROR`. */
  declare readonly code: string;
  /** Holds the HTTP status; 0 if no answer came, or if the error came over a socket. */
  declare readonly status: number;
  /** Holds what the function attached to its error, decoded. */
  declare readonly data: unknown;
  /** Says how to fix the cause. */
  declare readonly hint: string | string[] | undefined;
  /** Links to the documentation of the code. */
  declare readonly docsUrl: string | undefined;
  /** Tells whether the same request may succeed later: no coded answer came, or one that asks to retry. */
  declare readonly isTransient: boolean;

  constructor(body: ErrorBody & { code: string }, status = 0, isTransient = RETRYABLE.has(body.code)) {
    super(body.message ?? body.code);
    const { code, data, hint, docsUrl } = body;
    Object.assign(this, { code, data, hint, docsUrl, status, isTransient });
  }
}

/** Tells whether the server rejected the credential. */
export const isAuthError = (error: unknown): boolean => error instanceof LunoraError && AUTH.has(error.code);
