import type { LunoraClient } from "./client.js";
import type { LunoraError } from "./errors.js";
import type { CallRest, FunctionPath, FunctionReference, ResultOf } from "./functions.js";
import type { ShardOptions } from "./options.js";
/** What a component knows of a live query. */
export interface QueryState<T> {
    /** Holds the value; `undefined` before the first one. */
    value: T | undefined;
    /** Holds the error of the last run, if it failed. */
    error: LunoraError | undefined;
}
/** A store of Svelte. */
export interface QueryStore<T> {
    /** Calls `run` with the state now and each new one; returns what ends that. */
    subscribe(run: (state: QueryState<T>) => void): () => void;
}
/** Makes a store of a live query. It subscribes while the store has subscribers. */
export declare function queryStore<R extends FunctionReference<"query">>(client: Pick<LunoraClient, "subscribe">, reference: R, ...rest: CallRest<R, ShardOptions>): QueryStore<ResultOf<R>>;
export declare function queryStore<T = unknown>(client: Pick<LunoraClient, "subscribe">, path: FunctionPath, args?: object, options?: ShardOptions): QueryStore<T>;
