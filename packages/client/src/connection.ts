import { backoff } from "./clock.js";
import type { Env, SocketLike } from "./env.js";
import { LunoraError } from "./errors.js";
import { parse } from "./http.js";

const CONNECT_MS = 10_000;
const PING_EVERY_MS = 30_000;
/** With the interval of pings, a socket is given up after 75 s of silence. */
const SILENCE_MS = 45_000;
const HURRIED_SILENCE_MS = 10_000;
const LONGEST_BACKOFF_MS = 30_000;
const TOKEN_EXPIRED = 4001;

/** What happens on a connection. */
export interface ConnectionEvents {
  opened(): void;
  heard(frame: Record<string, any>): void;
  /** Finds out why no socket opened; resolves to the error if retrying is of no use. */
  refused(): Promise<LunoraError | undefined>;
  /** Reports that the credential is rejected, and no other one is available. */
  blocked(error: LunoraError): void;
}

/** Keeps one socket of a shard open: reopens it when it breaks, and renews an expired token. */
export class Connection {
  isOpen = false;
  /** Counts the attempts since the last one that worked. */
  attempts = 0;
  #env: Env;
  #events: ConnectionEvents;
  #url: string;
  #socket: SocketLike | undefined;
  /** Identifies the attempt that counts: the callbacks of an earlier one do nothing. */
  #attempt = 0;
  #timers: { wait?: unknown; ping?: unknown; silence?: unknown } = {};
  #isWaiting = false;

  constructor(env: Env, shard: string | undefined, events: ConnectionEvents) {
    this.#env = env;
    this.#events = events;
    this.#url = `${env.http.url.replace(/^http/, "ws")}/_lunora/ws?${shard === undefined ? "" : `shard=${encodeURIComponent(shard)}`}`;
    void this.#open();
  }

  send(frame: object): void {
    if (this.isOpen) this.#socket?.send(JSON.stringify(frame));
  }

  /** Retries at once, or asks the open socket whether it still works. */
  hurry(): void {
    if (this.isOpen) this.#ping(HURRIED_SILENCE_MS);
    else if (this.#isWaiting) this.restart();
  }

  /** Opens a new socket at once, with the current token. */
  restart(): void {
    this.close();
    this.attempts = 0;
    void this.#open();
  }

  close(): void {
    this.#attempt++;
    Object.values(this.#timers).forEach(this.#env.clock.clearTimeout);
    this.#timers = {};
    this.#isWaiting = this.isOpen = false;
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    this.#env.changed();
  }

  async #open(): Promise<void> {
    const { clock, credentials, WebSocket } = this.#env;
    const attempt = ++this.#attempt;
    this.#isWaiting = false;
    this.#timers.wait = clock.setTimeout(() => this.#lost(), CONNECT_MS);
    this.#env.changed();
    const token = await credentials.get().catch(() => undefined);
    if (attempt !== this.#attempt) return;
    if (token === undefined) return this.#lost();
    const socket = new WebSocket!(token === null ? this.#url : `${this.#url}&token=${encodeURIComponent(token)}`);
    this.#socket = socket;
    socket.onopen = () => {
      this.#clear("wait");
      this.isOpen = true;
      this.#pingLater();
      this.#events.opened();
      this.#env.changed();
    };
    socket.onmessage = ({ data }) => {
      this.#clear("silence");
      const frame = parse(data);
      // The connection works: the next failure is retried soon.
      if (frame?.type !== "error") this.attempts = 0;
      // The close that follows says the same.
      if (frame && frame.code !== "TOKEN_EXPIRED") this.#events.heard(frame);
    };
    // A socket that has not opened reports its end as an error, too.
    socket.onerror = () => {};
    socket.onclose = ({ code }) => {
      if (code === TOKEN_EXPIRED) void this.#lost(() => this.#renew(token));
      else void this.#lost(this.isOpen || !this.#env.isOnline() ? undefined : () => this.#events.refused());
    };
  }

  #clear(timer: "wait" | "ping" | "silence"): void {
    this.#env.clock.clearTimeout(this.#timers[timer]);
    this.#timers[timer] = undefined;
  }

  #pingLater(): void {
    this.#timers.ping = this.#env.clock.setTimeout(() => {
      this.#ping(SILENCE_MS);
      this.#pingLater();
    }, PING_EVERY_MS);
  }

  /** Gives the socket up if no answer comes: a browser may not notice for minutes that its line is dead. */
  #ping(silenceMs: number): void {
    this.#socket?.send("lunora-ping");
    if (silenceMs < SILENCE_MS) this.#clear("silence");
    this.#timers.silence ??= this.#env.clock.setTimeout(() => this.#lost(), silenceMs);
  }

  /** Reconnects after a delay, unless `explain` finds an error that lasts until another token is set. */
  async #lost(explain?: () => Promise<LunoraError | undefined>): Promise<void> {
    this.close();
    const attempt = this.#attempt;
    const delay = backoff(this.#env.clock, this.attempts++, LONGEST_BACKOFF_MS);
    const error = await explain?.();
    if (attempt !== this.#attempt) return;
    if (error) {
      this.attempts++;
      this.#events.blocked(error);
    } else {
      this.#isWaiting = true;
      this.#timers.wait = this.#env.clock.setTimeout(() => void this.#open(), delay);
    }
    this.#env.changed();
  }

  /** Asks for another token. A function that fails is asked again later. */
  async #renew(token: string | null): Promise<LunoraError | undefined> {
    const renewed = await this.#env.credentials.renew(token).catch(() => null);
    return renewed === undefined ? new LunoraError({ code: "TOKEN_EXPIRED", message: "the token expired" }) : undefined;
  }
}
