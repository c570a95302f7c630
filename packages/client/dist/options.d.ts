import type { Changes } from "./changes.js";
import type { Clock } from "./clock.js";
import type { TokenSource } from "./credentials.js";
import type { SocketConstructor } from "./env.js";
import type { LunoraError } from "./errors.js";
import type { CallOptions } from "./http.js";
import type { OptimisticCache } from "./layers.js";
import type { Locks } from "./outbox.js";
import type { OutboxStorage } from "./storage.js";
/** Configures a client. */
export interface ClientOptions {
    /** Points to the deployment, such as `https://app.example.com`. */
    url: string;
    /** Supplies the bearer token; without it, cookies may identify the user. */
    token?: TokenSource;
    /** Identifies this client among those of one user; a random text by default. */
    clientId?: string;
    /** Names the user of queued writes, where no live query tells it. */
    subject?: () => string | null | undefined;
    /** Keeps queued writes; IndexedDB by default, memory if absent. */
    storage?: OutboxStorage;
    /** Keeps two tabs from sending at once; `navigator.locks` by default. */
    locks?: Locks;
    /** Limits the time of a call in milliseconds; 30,000 by default. */
    timeoutMs?: number;
    /** Sends requests; the global `fetch` by default. */
    fetch?: typeof globalThis.fetch;
    /** Opens sockets; the global `WebSocket` by default. */
    WebSocket?: SocketConstructor;
    /** Measures time; the machine's clock by default. */
    clock?: Clock;
    /** Takes changes of rows instead of whole values: `changes` of `lunora-client/changes`. */
    changes?: Changes;
    /** Hears of errors that belong to no call and no subscription, such as a refused whisper. */
    onError?: (error: LunoraError) => void;
}
/** Chooses the shard of a subscription. */
export interface ShardOptions {
    /** Names the shard; the default shard if absent. */
    shard?: string | undefined;
}
/** Configures a mutation. */
export interface MutationOptions extends CallOptions {
    /** Identifies the write: one that is repeated with the same id is applied once. A random text by default. */
    id?: string;
    /** Shows what the write will do until the live values have it, or until it is refused. */
    optimistic?: (cache: OptimisticCache) => void;
    /** Keeps the write until it is answered, across reloads. `signal` and `timeoutMs` do not end it. */
    offline?: boolean;
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
    /** Holds the merged answer of the shards that answered. */
    data: T;
    /** Names the shards that failed. */
    errors: {
        code: string;
        message: string;
        shardKey: string;
        timedOut: boolean;
    }[];
    /** Counts the shards that failed. */
    failed: number;
    /** Counts the shards that answered. */
    ok: number;
}
/** Tells whether what the client shows is current. */
export type ClientState = "connecting" | "live" | "offline" | "closed";
/** A live query with one subscriber. */
export interface Subscription<T> {
    /** Holds the value that was shown last; `undefined` before the first one. */
    readonly value: T | undefined;
    /** Holds the error of the last run, if it failed. */
    readonly error: LunoraError | undefined;
    /** Ends the subscription. */
    close(): void;
}
