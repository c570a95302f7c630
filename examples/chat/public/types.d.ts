// The types of the page's own values, for `tsc`; those of the functions come from `client/`.
import type { MessageDocument } from "/client/api.js";
import type { FanOutAnswer, FunctionReference, ResultOf } from "/lunora-client/index.js";
import type { Pagination } from "/lunora-client/pages.js";

export type { Channel, Send } from "/client/api.js";
export type { FanOutAnswer, LunoraError, QueuedWrite } from "/lunora-client/index.js";
export type { PageRequest } from "/lunora-client/pages.js";

export type Message = MessageDocument;

export interface Session {
  token: string;
  name: string;
  expiresAtMs: number;
}

/** A text that waits to be sent. */
export interface Unsent {
  id: string;
  channel?: string | undefined;
  text: string;
  author: string;
}

export interface Refused extends Unsent {
  reason: string;
}

/** The messages of a view. */
export interface Room {
  /** Absent in the view of all channels. */
  pages?: Pagination<Message>;
  messages: Message[];
  /** Those that were sent here, which may not be among the messages yet. */
  sent: Message[];
  isDone: boolean;
  isLoading?: boolean;
  loaded?: boolean;
  failed?: boolean;
}

export interface State {
  session: Session | null;
  /** `null` before the first answer. */
  channels: string[] | null;
  /** `null` in the view of all channels. */
  channel: string | null;
  room: Room;
  waiting: Unsent[];
}

/** Calls a query of all channels, and takes the `k` values with the highest `by`. */
export type Ask = <R extends FunctionReference<"query">>(
  query: R, by: keyof ResultOf<R>[number] & string, k: number,
) => Promise<FanOutAnswer<ResultOf<R>>>;

/** What the page does when its user acts. */
export interface Actions {
  start(): void;
  refresh(): void;
  showClient(): void;
  send(text: string): void;
  signIn(name: string): Promise<void>;
  signOut(): void;
}

/** An element of `index.html`; its id tells which one. */
export type PageElement = HTMLInputElement & HTMLDetailsElement;
