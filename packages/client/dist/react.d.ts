import type { LunoraClient } from "./client.js";
import type { LunoraError } from "./errors.js";
import type { CallRest, FunctionPath, FunctionReference, ResultOf } from "./functions.js";
import type { MutationOptions, ShardOptions } from "./options.js";
/** The parts of React that the hooks use: pass the module `react`. */
export interface ReactLike {
    useSyncExternalStore<T>(subscribe: (changed: () => void) => () => void, getSnapshot: () => T, getServerSnapshot?: () => T): T;
    useMemo<T>(make: () => T, deps: readonly unknown[]): T;
    useCallback<T extends (...args: any[]) => any>(callback: T, deps: readonly unknown[]): T;
}
/** What a component knows of a live query. */
export interface QueryState<T> {
    /** Holds the value; `undefined` before the first one. */
    value: T | undefined;
    /** Holds the error of the last run, if it failed. */
    error: LunoraError | undefined;
}
/** The hooks of one client. */
export interface Hooks {
    /** Subscribes to a query while the component is mounted. */
    useQuery<R extends FunctionReference<"query">>(reference: R, ...rest: CallRest<R, ShardOptions>): QueryState<ResultOf<R>>;
    useQuery<T = unknown>(path: FunctionPath, args?: object, options?: ShardOptions): QueryState<T>;
    /** Returns a function that runs a mutation. */
    useMutation<R extends FunctionReference<"mutation">>(reference: R, options?: MutationOptions): (...rest: CallRest<R, MutationOptions>) => Promise<ResultOf<R>>;
    useMutation<T = unknown>(path: FunctionPath, options?: MutationOptions): (args?: object, options?: MutationOptions) => Promise<T>;
}
/** Makes the hooks of a client: `const { useQuery, useMutation } = createHooks(React, client)`. */
export declare function createHooks({ useSyncExternalStore, useMemo, useCallback }: ReactLike, client: Pick<LunoraClient, "subscribe" | "mutation">): Hooks;
