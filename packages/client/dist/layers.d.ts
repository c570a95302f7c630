import type { ArgsOf, CallRest, FunctionPath, FunctionReference, ResultOf } from "./functions.js";
/** Changes the value of a query until the live value has the write. */
export type Patch = (value: any) => unknown;
/** The optimistic effect of one write on the queries of its shard. */
export interface Layer {
    /** Maps the key of a query to the change of its value; a query that has the write is removed. */
    readonly patches: Map<string, Patch>;
    /** Tells whether the write may have been applied although no answer came. */
    isUncertain: boolean;
    /** Tells whether the write was answered. */
    isDone: boolean;
    /** Holds the position of the shard after the write, once it is known. */
    cursor: number | undefined;
}
/** Reads and changes the values of subscribed queries. */
export interface OptimisticCache {
    /** Returns the value that subscribers see now; `undefined` if the query has none. */
    get<R extends FunctionReference<"query">>(reference: R, ...rest: CallRest<R, never>): ResultOf<R> | undefined;
    get<T = unknown>(path: FunctionPath, args?: object): T | undefined;
    /** Changes a value. `change` runs again on every live value until one has the write: it must not modify its argument. */
    update<R extends FunctionReference<"query">>(reference: R, args: ArgsOf<R>, change: (value: ResultOf<R>) => ResultOf<R>): void;
    update<T = any>(path: FunctionPath, args: object, change: (value: T) => T): void;
}
