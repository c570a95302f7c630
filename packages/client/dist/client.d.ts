import { type Clock } from "./clock.js";
import { type TokenSource } from "./credentials.js";
import { type BatchCall, type BatchResult, type CallOptions } from "./http.js";
/** Configures a client. */
export interface ClientOptions {
    /** Points to the deployment, such as `https://app.example.com`. */
    url: string;
    /** Supplies the bearer token; without it, cookies may identify the user. */
    token?: TokenSource;
    /** Identifies this client among those of one user; a random UUID by default. */
    clientId?: string;
    /** Limits the time of a call in milliseconds; 30,000 by default. */
    timeoutMs?: number;
    /** Sends requests; the global `fetch` by default. */
    fetch?: typeof globalThis.fetch;
    /** Measures time; the machine's clock by default. */
    clock?: Clock;
}
/** Calls the functions of one deployment. */
export declare class LunoraClient {
    #private;
    /** Identifies this client among those of one user. */
    readonly clientId: string;
    constructor(options: ClientOptions);
    /** Runs a query once. */
    query<T = unknown>(path: string, args?: object, options?: CallOptions): Promise<T>;
    /** Runs an action. */
    action<T = unknown>(path: string, args?: object, options?: CallOptions): Promise<T>;
    /** Runs a query on every shard of `fanOut.table` and merges the answers; `failed` shards are missing in `data`. */
    queryShards<T = unknown>(path: string, args: object, fanOut: FanOut, options?: Omit<CallOptions, "shard">): Promise<FanOutAnswer<T>>;
    /** Sends at most 500 calls in one request. The calls of one shard run one after another. */
    batch(calls: BatchCall[], options?: Omit<CallOptions, "shard">): Promise<BatchResult[]>;
}
/** Chooses the shards of a query, and how their answers are merged. */
export interface FanOut {
    /** Names the table whose shards are asked. */
    table: string;
    /** Says how the answers become one, such as `{ kind: "topK", k: 10, by: "_creationTime" }`. */
    merge: {
        kind: string;
        [option: string]: unknown;
    };
}
/** The answer of a query across shards. */
export interface FanOutAnswer<T> {
    data: T;
    errors: {
        code: string;
        message: string;
        shardKey: string;
        timedOut: boolean;
    }[];
    failed: number;
    ok: number;
}
