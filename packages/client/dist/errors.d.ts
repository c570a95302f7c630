/** The JSON of an error in an answer or a frame. */
export interface ErrorBody {
    code?: string;
    message?: string;
    data?: unknown;
    hint?: string | string[] | undefined;
    docsUrl?: string;
}
/** Reports a call, a subscription or a write that failed. Compare `code`, not `message`. */
export declare class LunoraError extends Error {
    readonly name = "LunoraError";
    /** Identifies the kind of the failure, such as `FORBIDDEN` or `NETWORK_ERROR`. */
    readonly code: string;
    /** Holds the HTTP status; 0 if no answer came, or if the error came over a socket. */
    readonly status: number;
    /** Holds what the function attached to its error, decoded. */
    readonly data: unknown;
    /** Says how to fix the cause. */
    readonly hint: string | string[] | undefined;
    /** Links to the documentation of the code. */
    readonly docsUrl: string | undefined;
    /** Tells whether the same request may succeed later: no coded answer came, or one that asks to retry. */
    readonly isTransient: boolean;
    constructor(body: ErrorBody & {
        code: string;
    }, status?: number, isTransient?: boolean);
}
/** Tells whether the server rejected the credential. */
export declare const isAuthError: (error: unknown) => boolean;
