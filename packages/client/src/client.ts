import { systemClock, type Clock } from "./clock.js";
import { decode, encode } from "./codec.js";
import { Credentials, type TokenSource } from "./credentials.js";
import { Http, type BatchCall, type BatchResult, type CallOptions } from "./http.js";

/** Configures a client. */
export interface ClientOptions {
  /** Points to the deployment, such as `https://app.example.com`. */
  url: string;
  /** Supplies the bearer token; without it, cookies may identify the user. */
  token?: TokenSource;
  /** Identifies this client among those of one user; a random UUID by default. */
  clientId?: string;
  /** Limits the time of a call in milliseconds; 30,000 by default. */
  timeoutMs?: number;
  /** Sends requests; the global `fetch` by default. */
  fetch?: typeof globalThis.fetch;
  /** Measures time; the machine's clock by default. */
  clock?: Clock;
}

/** Calls the functions of one deployment. */
export class LunoraClient {
  /** Identifies this client among those of one user. */
  readonly clientId: string;
  readonly #credentials: Credentials;
  readonly #http: Http;

  constructor(options: ClientOptions) {
    this.clientId = options.clientId ?? crypto.randomUUID();
    this.#credentials = new Credentials(options.token ?? null);
    const fetch = options.fetch ?? ((...args) => globalThis.fetch(...args));
    this.#http = new Http(options.url.replace(/\/+$/, ""), fetch, this.#credentials, options.clock ?? systemClock, options.timeoutMs ?? 30_000);
  }

  /** Runs a query once. */
  async query<T = unknown>(path: string, args: object = {}, options: CallOptions = {}): Promise<T> {
    return decode((await this.#http.call(path, encode(args), { ...options, kind: "query" })).result) as T;
  }

  /** Runs an action. */
  async action<T = unknown>(path: string, args: object = {}, options: CallOptions = {}): Promise<T> {
    return decode((await this.#http.call(path, encode(args), { ...options, kind: "action" })).result) as T;
  }

  /** Runs a query on every shard of `fanOut.table` and merges the answers; `failed` shards are missing in `data`. */
  async queryShards<T = unknown>(path: string, args: object, fanOut: FanOut, options: Omit<CallOptions, "shard"> = {}): Promise<FanOutAnswer<T>> {
    return decode(await this.#http.call(path, encode(args), { ...options, fanOut, kind: "query" })) as FanOutAnswer<T>;
  }

  /** Sends at most 500 calls in one request. The calls of one shard run one after another. */
  batch(calls: BatchCall[], options: Omit<CallOptions, "shard"> = {}): Promise<BatchResult[]> {
    return this.#http.batch(calls, this.clientId, options);
  }
}

/** Chooses the shards of a query, and how their answers are merged. */
export interface FanOut {
  /** Names the table whose shards are asked. */
  table: string;
  /** Says how the answers become one, such as `{ kind: "topK", k: 10, by: "_creationTime" }`. */
  merge: { kind: string; [option: string]: unknown };
}

/** The answer of a query across shards. */
export interface FanOutAnswer<T> {
  data: T;
  errors: { code: string; message: string; shardKey: string; timedOut: boolean }[];
  failed: number;
  ok: number;
}
