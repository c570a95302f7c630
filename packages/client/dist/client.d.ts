import { type TokenSource } from "./credentials.js";
import type { ArgsOf, CallRest, FunctionPath, FunctionReference, ResultOf } from "./functions.js";
import { type BatchCall, type BatchResult, type CallOptions } from "./http.js";
import type { Listener } from "./live.js";
import type { ClientOptions, ClientState, FanOut, FanOutAnswer, MutationOptions, ShardOptions, Subscription } from "./options.js";
import { type WriteEvent } from "./outbox.js";
import { type QueuedWrite } from "./storage.js";
import type { Topic } from "./topic.js";
/** Calls the functions of one deployment, and keeps its live queries and its outbox. */
export declare class LunoraClient {
    #private;
    constructor(options: ClientOptions);
    /** Identifies this client among those of one user. */
    get clientId(): string;
    /** Tells whether what subscribers see is current: `live` if no live query waits for its shard. */
    get state(): ClientState;
    /** Calls `listener` with each new state; returns what ends that. */
    onState(listener: (state: ClientState) => void): () => void;
    /** Calls `listener` with what happens to queued writes; returns what ends that. */
    onWrite(listener: (event: WriteEvent) => void): () => void;
    /** Runs a query once. */
    query<R extends FunctionReference<"query">>(reference: R, ...rest: CallRest<R>): Promise<ResultOf<R>>;
    query<T = unknown>(path: FunctionPath, args?: object, options?: CallOptions): Promise<T>;
    /** Runs an action. */
    action<R extends FunctionReference<"action">>(reference: R, ...rest: CallRest<R>): Promise<ResultOf<R>>;
    action<T = unknown>(path: FunctionPath, args?: object, options?: CallOptions): Promise<T>;
    /** Runs a mutation. With `offline` it waits in the outbox until the shard answers it. */
    mutation<R extends FunctionReference<"mutation">>(reference: R, ...rest: CallRest<R, MutationOptions>): Promise<ResultOf<R>>;
    mutation<T = unknown>(path: FunctionPath, args?: object, options?: MutationOptions): Promise<T>;
    /** Runs a query on every shard of `fanOut.table` and merges the answers; `failed` shards are missing in `data`. */
    queryShards<T = unknown>(path: string, args: object, fanOut: FanOut, options?: Omit<CallOptions, "shard">): Promise<FanOutAnswer<T>>;
    /** Sends at most 500 calls in one request. The calls of one shard run one after another. */
    batch(calls: BatchCall[], options?: Omit<CallOptions, "shard">): Promise<BatchResult[]>;
    /** Subscribes to the value of a query. Equal subscriptions share one. */
    subscribe<R extends FunctionReference<"query">>(reference: R, args: ArgsOf<R>, options: ShardOptions, listener: Listener<ResultOf<R>>): Subscription<ResultOf<R>>;
    subscribe<T = unknown>(path: FunctionPath, args: object, options: ShardOptions, listener: Listener<T>): Subscription<T>;
    /** Returns a topic of a shard. */
    topic(shard: string | undefined, name: string): Topic;
    /** Returns the writes that wait to be sent, those of other tabs included, in their order. */
    pendingWrites(): Promise<QueuedWrite[]>;
    /** Removes a write that waits; its promise rejects with `DISCARDED`. It may have been applied. */
    discardWrite(id: string): Promise<void>;
    /** Sends waiting writes and reconnects at once, without the rest of any delay. */
    retryNow(): void;
    /** Signs in another user, or signs out with `null`. To renew a token, pass a function as `token` instead. */
    setToken(token: TokenSource): void;
    /** Closes all sockets. Queued writes stay in their storage. */
    close(): void;
}
