import type { LunoraClient } from "./client.js";
import type { LunoraError } from "./errors.js";
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
  cursor: string | null;
  end: string | undefined;
  answer: PageAnswer<T> | undefined;
  close(): void;
}

/** Subscribes to pages. A page keeps its bounds while documents come and go, so that none is lost or shown twice. */
export function paginate<T = unknown>(
  client: Pick<LunoraClient, "subscribe">,
  path: string,
  args: object,
  { numItems = PAGE, toArgs = (request) => ({ ...args, ...request }), ...shard }: PaginateOptions,
  { onValue, onError }: Listener<Pages<T>>,
): Pagination<T> {
  let ranges: Range<T>[] = [];
  let value: Pages<T> = { items: [], isDone: false, isLoading: true };
  let isClosed = false;

  const show = (): void => {
    const answers = ranges.map(({ answer }) => answer);
    // A range without an answer hides those after it: the list has no gap.
    const missing = answers.indexOf(undefined);
    const loaded = (missing < 0 ? answers : answers.slice(0, missing)) as PageAnswer<T>[];
    const last = ranges.at(-1);
    value = { items: loaded.flatMap(({ page }) => page), isDone: missing < 0 && last?.end === undefined && last?.answer?.isDone === true, isLoading: missing >= 0 };
    onValue(value);
  };

  /** Subscribes to a range. It shows `before` until its own answer comes. */
  const open = (cursor: string | null, end?: string, before?: PageAnswer<T>): Range<T> => {
    const range: Range<T> = { cursor, end, answer: before, close: () => {} };
    const request = { cursor, numItems, ...(end !== undefined && { endCursor: end }) };
    let stop: (() => void) | undefined;
    let isStopped = false;
    range.close = () => {
      isStopped = true;
      stop?.();
    };
    const { close } = client.subscribe<PageAnswer<T>>(path, toArgs(request), shard, {
      onValue: (answer) => !isStopped && !isClosed && received(range, answer),
      onError: (error: LunoraError) => !isStopped && !isClosed && onError?.(error),
    });
    stop = close;
    return range;
  };

  const replace = (range: Range<T>, ...others: Range<T>[]): void => {
    ranges = ranges.flatMap((it) => (it === range ? others : it));
    range.close();
  };

  const received = (range: Range<T>, answer: PageAnswer<T>): void => {
    range.answer = answer;
    const { cursor, end } = range;
    const isCut = end !== undefined && !answer.isDone;
    if (end === undefined && !answer.isDone) replace(range, open(cursor, answer.continueCursor, answer));
    else if (end !== undefined && answer.splitCursor && (isCut || answer.page.length > 2 * numItems)) {
      replace(range, open(cursor, answer.splitCursor), open(answer.splitCursor, end));
    }
    show();
  };

  ranges = [open(null)];
  return {
    get value() {
      return value;
    },
    loadMore: () => {
      const end = ranges.at(-1)?.end;
      if (value.isLoading || end === undefined) return;
      ranges.push(open(end));
      show();
    },
    close: () => {
      isClosed = true;
      for (const { close } of ranges) close();
    },
  };
}
