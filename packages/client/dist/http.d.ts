import type { Clock } from "./clock.js";
import type { Credentials } from "./credentials.js";
import { LunoraError, type ErrorBody } from "./errors.js";
/** Limits one call. */
export interface CallOptions {
    /** Names the shard; the default shard if absent. */
    shard?: string | undefined;
    /** Aborts the call; its promise rejects with the signal's reason. */
    signal?: AbortSignal;
    /** Limits the time of the call in milliseconds; the `timeoutMs` of the client if absent. */
    timeoutMs?: number;
}
/** One call of a batch. */
export interface BatchCall {
    /** Names the function, such as `messages:send`. */
    path: string;
    /** Holds the arguments; `{}` if absent. */
    args?: object;
    /** Names the shard; the default shard if absent. */
    shard?: string | undefined;
    /** Identifies a mutation: a repeated one with the same id is applied once. */
    mutationId?: string;
}
/** The result of one call of a batch. */
export type BatchResult = {
    ok: true;
    value: unknown;
} | {
    ok: false;
    error: LunoraError;
};
/** The JSON of a successful answer, not decoded. */
export interface Answer {
    result?: unknown;
    commitCursor?: number;
}
/** What one request carries beside its function and arguments. */
export interface Request extends CallOptions {
    fanOut?: object;
    mutationId?: string;
    clientId?: string;
    baseSeq?: number | undefined;
    /** The user that the request expects to be sent as. */
    subject?: string | null | undefined;
    kind: "query" | "mutation" | "action";
}
/** Makes an error of the JSON of one. Data that cannot be decoded is dropped. */
export declare function toError(body: ErrorBody, status?: number, retryAfterMs?: number): LunoraError;
/** Returns the value of JSON text; `undefined` if the text is invalid. */
export declare function parse(text: string): any;
/** Sends calls over HTTP. */
export declare class Http {
    #private;
    readonly url: string;
    readonly clock: Clock;
    constructor(url: string, fetch: typeof globalThis.fetch | undefined, credentials: Credentials, clock: Clock, timeoutMs: number);
    /** Calls one function, and returns its answer without decoding it. */
    call(path: string, args: unknown, request: Request): Promise<Answer>;
    /** Sends several calls in one request. */
    batch(calls: BatchCall[], clientId: string, options: CallOptions): Promise<BatchResult[]>;
}
