import { stableKey } from "./codec.js";
import type { LunoraClient } from "./client.js";
import type { LunoraError } from "./errors.js";
import type { CallRest, FunctionPath, FunctionReference, ResultOf } from "./functions.js";
import type { MutationOptions, ShardOptions, Subscription } from "./options.js";

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
  useMutation<R extends FunctionReference<"mutation">>(
    reference: R, options?: MutationOptions,
  ): (...rest: CallRest<R, MutationOptions>) => Promise<ResultOf<R>>;
  useMutation<T = unknown>(path: FunctionPath, options?: MutationOptions): (args?: object, options?: MutationOptions) => Promise<T>;
}

const LOADING: QueryState<any> = { value: undefined, error: undefined };

/** Makes the hooks of a client: `const { useQuery, useMutation } = createHooks(React, client)`. */
export function createHooks(
  { useSyncExternalStore, useMemo, useCallback }: ReactLike,
  client: Pick<LunoraClient, "subscribe" | "mutation">,
): Hooks {
  return {
    useQuery: <T>(path: string, args: object = {}, { shard }: ShardOptions = {}) => {
      // Equal arguments are the same query, though each rendering makes a new object.
      const store = useMemo(() => {
        let state: QueryState<T> = LOADING;
        const subscribe = (changed: () => void): (() => void) => {
          let subscription: Subscription<T> | undefined;
          const update = (): void => {
            state = { value: subscription?.value, error: subscription?.error };
            changed();
          };
          subscription = client.subscribe<T>(path, args, { shard }, { onValue: update, onError: update });
          return () => subscription.close();
        };
        return { subscribe, get: () => state };
      }, [client, path, stableKey(args), shard]);
      return useSyncExternalStore(store.subscribe, store.get, () => LOADING as QueryState<T>);
    },
    useMutation: <T>(path: string, options?: MutationOptions) =>
      useCallback((args: object = {}, more?: MutationOptions) => client.mutation<T>(path, args, { ...options, ...more }), [client, path, options]),
  };
}
