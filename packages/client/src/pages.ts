import type { LunoraClient } from "./client.js";
import type { LunoraError } from "./errors.js";
import type { ArgsOf, FunctionPath, FunctionReference, ResultOf } from "./functions.js";
import type { Listener } from "./live.js";
import type { ShardOptions } from "./options.js";

const PAGE = 50;

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

/** One range of the documents: `(cursor, endCursor]`, or `numItems` after `cursor` while the end is open. */
interface Range<T> {
  end: string | undefined;
  answer: PageAnswer<T> | undefined;
  /** Take the place of this range as soon as each has its answer. */
  parts: Range<T>[];
  close(): void;
}

/** Subscribes to pages. A page keeps its bounds while documents come and go, so that none is lost or shown twice. */
export function paginate<R extends FunctionReference<"query", any, PageAnswer<any>>>(
  client: Pick<LunoraClient, "subscribe">,
  reference: R,
  args: Partial<ArgsOf<R>>,
  options: PaginateOptions,
  listener: Listener<Pages<ResultOf<R>["page"][number]>>,
): Pagination<ResultOf<R>["page"][number]>;
export function paginate<T = unknown>(
  client: Pick<LunoraClient, "subscribe">,
  path: FunctionPath,
  args: object,
  options: PaginateOptions,
  listener: Listener<Pages<T>>,
): Pagination<T>;
export function paginate<T>(
  client: Pick<LunoraClient, "subscribe">,
  path: string,
  args: object,
  { numItems = PAGE, toArgs = (request) => ({ ...args, ...request }), ...shard }: PaginateOptions,
  { onValue, onError }: Listener<Pages<T>>,
): Pagination<T> {
  let ranges: Range<T>[] = [];
  let value: Pages<T> = { items: [], isDone: false, isLoading: true };

  const show = (): void => {
    const answers = ranges.map(({ answer }) => answer);
    // A range without an answer hides those after it, so that the list has no gap.
    const missing = answers.indexOf(undefined);
    const loaded = (missing < 0 ? answers : answers.slice(0, missing)) as PageAnswer<T>[];
    const last = ranges.at(-1);
    value = { items: loaded.flatMap(({ page }) => page), isDone: missing < 0 && last?.end === undefined && last?.answer?.isDone === true, isLoading: missing >= 0 };
    onValue(value);
  };

  /** Subscribes to a range. */
  const open = (cursor: string | null, end?: string, whole?: Range<T>): Range<T> => {
    const range: Range<T> = { end, answer: undefined, parts: [], close: () => {} };
    const request = { cursor, numItems, ...(end !== undefined && { endCursor: end }) };
    let isStopped = false;
    const { close } = client.subscribe<PageAnswer<T>>(path, toArgs(request), shard, {
      onValue: (answer) => {
        if (isStopped) return;
        range.answer = answer;
        if (whole) {
          if (!whole.parts.every((part) => part.answer)) return;
          ranges = ranges.flatMap((it) => (it === whole ? whole.parts : it));
          whole.parts = [];
          whole.close();
          whole = undefined;
        }
        divide(range, cursor, answer);
        show();
      },
      onError: (error: LunoraError) => {
        if (!isStopped) onError?.(error);
      },
    });
    range.close = () => {
      isStopped = true;
      close();
      for (const part of range.parts) part.close();
    };
    return range;
  };

  /** Gives an open range its end, and divides one that has grown. */
  const divide = (range: Range<T>, cursor: string | null, { page, isDone, continueCursor, splitCursor }: PageAnswer<T>): void => {
    const { end, parts } = range;
    if (parts.length > 0) return;
    if (end === undefined && !isDone) parts.push(open(cursor, continueCursor, range));
    else if (end !== undefined && splitCursor && (!isDone || page.length > 2 * numItems)) {
      parts.push(open(cursor, splitCursor, range), open(splitCursor, end, range));
    }
  };

  ranges = [open(null)];
  return {
    get value() {
      return value;
    },
    loadMore: () => {
      const last = ranges.at(-1);
      const end = last?.end ?? last?.parts[0]?.end;
      if (value.isLoading || end === undefined) return;
      ranges.push(open(end));
      show();
    },
    close: () => {
      for (const { close } of ranges) close();
    },
  };
}
