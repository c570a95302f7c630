import type { LunoraClient } from "./client.js";
import type { ArgsOf, FunctionPath, FunctionReference, ResultOf } from "./functions.js";
import type { Listener } from "./live.js";
import type { ShardOptions } from "./options.js";
/** What a paginated query takes. */
export interface PageRequest {
    cursor: string | null;
    endCursor?: string;
    numItems: number;
}
/** What a paginated query answers. */
export interface PageAnswer<T> {
    page: T[];
    isDone: boolean;
    continueCursor: string;
    splitCursor?: string | null;
}
/** Configures a paginated query. */
export interface PaginateOptions extends ShardOptions {
    /** Limits a new page, from 1 to 1,000; 50 by default. */
    numItems?: number;
    /** Makes the arguments of a page; by default `{ ...args, ...request }`. */
    toArgs?: (request: PageRequest) => object;
}
/** The loaded pages of a paginated query. */
export interface Pages<T> {
    /** Holds the documents of all loaded pages, in the order of the query. */
    items: T[];
    /** Tells whether the last page is loaded. */
    isDone: boolean;
    /** Tells whether a page is on its way. */
    isLoading: boolean;
}
/** A paginated live query. */
export interface Pagination<T> {
    /** Holds what is loaded now. */
    readonly value: Pages<T>;
    /** Loads the next page; does nothing while one is on its way, or after the last one. */
    loadMore(): void;
    /** Ends the subscriptions of all pages. */
    close(): void;
}
/** Subscribes to pages. A page keeps its bounds while documents come and go, so that none is lost or shown twice. */
export declare function paginate<R extends FunctionReference<"query", any, PageAnswer<any>>>(client: Pick<LunoraClient, "subscribe">, reference: R, args: Partial<ArgsOf<R>>, options: PaginateOptions, listener: Listener<Pages<ResultOf<R>["page"][number]>>): Pagination<ResultOf<R>["page"][number]>;
export declare function paginate<T = unknown>(client: Pick<LunoraClient, "subscribe">, path: FunctionPath, args: object, options: PaginateOptions, listener: Listener<Pages<T>>): Pagination<T>;
