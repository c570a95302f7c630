import type { LunoraClient } from "./client.js";
import type { LunoraError } from "./errors.js";
import type { CallRest, FunctionPath, FunctionReference, ResultOf } from "./functions.js";
import type { ShardOptions, Subscription } from "./options.js";

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
export function queryStore<R extends FunctionReference<"query">>(
  client: Pick<LunoraClient, "subscribe">, reference: R, ...rest: CallRest<R, ShardOptions>
): QueryStore<ResultOf<R>>;
export function queryStore<T = unknown>(
  client: Pick<LunoraClient, "subscribe">, path: FunctionPath, args?: object, options?: ShardOptions,
): QueryStore<T>;
export function queryStore<T>(
  client: Pick<LunoraClient, "subscribe">, path: string, args: object = {}, options: ShardOptions = {},
): QueryStore<T> {
  const runs = new Set<(state: QueryState<T>) => void>();
  let subscription: Subscription<T> | undefined;
  const state = (): QueryState<T> => ({ value: subscription?.value, error: subscription?.error });
  const update = (): void => runs.forEach((run) => run(state()));
  return {
    subscribe: (given) => {
      // One function may subscribe twice.
      const run = (state: QueryState<T>): void => given(state);
      runs.add(run);
      subscription ??= client.subscribe<T>(path, args, options, { onValue: update, onError: update });
      run(state());
      return () => {
        runs.delete(run);
        if (runs.size > 0) return;
        subscription?.close();
        subscription = undefined;
      };
    },
  };
}
