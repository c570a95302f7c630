// Written by `lunora codegen client`. Do not edit.
import type { FunctionReference } from "lunora-client";

/** A channel with at least one message. */
export interface Channel {
  lastMessageAt: number;
  name: string;
}

export interface List {
  limit?: number | null;
}

/** A document: the value that the application stored, with the `_id` and the `_creationTime` that the shard added. */
export interface MessageDocument {
  /** The time of creation, in milliseconds since 1970. */
  _creationTime: number;
  /** The id, unique within the table. */
  _id: string;
  author: string;
  channel: string;
  text: string;
}

export interface Older {
  /** The `continueCursor` of a page; absent for the newest messages. */
  cursor?: string | null;
  /** Where a page that is shown ends; absent for a page of `limit` messages. */
  endCursor?: string | null;
  limit?: number | null;
}

/** A page of documents in an order, and the cursor of the next page. */
export interface Page {
  /** The opaque cursor of the next page. */
  continueCursor: string;
  /** `true` on the last page. */
  isDone: boolean;
  /** The documents. */
  page: MessageDocument[];
  /** A cursor within a page that has an end, at which a client may divide it into two pages; absent otherwise, and if the page has fewer than two documents. */
  splitCursor?: string | null;
}

export interface Send {
  /** What the client calls the message that it shows already. */
  id?: string | null;
  text: string;
}

export declare const api: {
  readonly channels: {
    readonly list: FunctionReference<"query", Record<string, never>, Channel[]>;
  };
  readonly messages: {
    readonly list: FunctionReference<"query", List, MessageDocument[]>;
    readonly page: FunctionReference<"query", Older, Page>;
    readonly send: FunctionReference<"mutation", Send, MessageDocument>;
  };
};
