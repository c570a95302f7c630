import { systemClock } from "./clock.js";
import { decode, encode } from "./codec.js";
import { Credentials, type TokenSource } from "./credentials.js";
import type { Env, SocketConstructor } from "./env.js";
import type { ArgsOf, CallRest, FunctionPath, FunctionReference, ResultOf } from "./functions.js";
import { Http, type Answer, type BatchCall, type BatchResult, type CallOptions, type Request } from "./http.js";
import { randomId } from "./id.js";
import type { Listener } from "./live.js";
import type {
  ClientOptions, ClientState, FanOut, FanOutAnswer, MutationOptions, ShardOptions, Subscription,
} from "./options.js";
import { Outbox, type Locks, type WriteEvent } from "./outbox.js";
import { Shard } from "./shard.js";
import { IndexedDbStorage, MemoryStorage, type OutboxStorage, type QueuedWrite } from "./storage.js";
import type { Topic } from "./topic.js";

const { navigator: device, document: page } = globalThis as { navigator?: { onLine?: boolean; locks?: Locks }; document?: Document };
const scope = device?.onLine === undefined ? undefined : globalThis;
/** Events after which the network may be back; a Worker and Node have none of them. */
const WAKERS: [EventTarget | undefined, string][] = [[scope, "online"], [scope, "offline"], [page, "visibilitychange"]];

/** Calls the functions of one deployment, and keeps its live queries and its outbox. */
export class LunoraClient {
  readonly #options: ClientOptions;
  readonly #credentials: Credentials;
  readonly #http: Http;
  readonly #env: Env;
  readonly #outbox: Outbox;
  readonly #shards = new Map<string | undefined, Shard>();
  readonly #stateListeners = new Set<(state: ClientState) => void>();
  readonly #writeListeners = new Set<(event: WriteEvent) => void>();
  #subject: string | null | undefined;
  #state: ClientState = "live";
  #isClosed = false;

  constructor(options: ClientOptions) {
    this.#options = { ...options };
    const url = options.url.replace(/\/+$/, "");
    const clock = options.clock ?? systemClock;
    const credentials = (this.#credentials = new Credentials(options.token ?? null));
    const http = (this.#http = new Http(url, options.fetch, credentials, clock, options.timeoutMs ?? 30_000));
    const name = `lunora-outbox:${url}`;
    this.#env = {
      http, clock, credentials,
      changes: options.changes,
      clientId: () => this.clientId,
      WebSocket: options.WebSocket ?? (globalThis.WebSocket as SocketConstructor | undefined),
      isOnline: () => device?.onLine !== false,
      report: (error) => options.onError?.(error),
      changed: () => this.#changed(),
      identified: (subject) => {
        this.#subject = subject;
        void this.#outbox.flush();
      },
    };
    const storage: OutboxStorage = options.storage ?? (globalThis.indexedDB ? new IndexedDbStorage(name) : new MemoryStorage());
    this.#outbox = new Outbox({
      clock, storage,
      name: storage.name ?? name,
      locks: options.locks ?? device?.locks,
      send: (write) => this.#send(write.path, write.args, write.id, write),
      check: (write) => this.#check(write),
      tell: (event) => this.#writeListeners.forEach((listener) => listener(event)),
    });
    for (const [target, event] of WAKERS) target?.addEventListener(event, this.#hurry);
    void this.#outbox.flush();
  }

  /** Identifies this client among those of one user. */
  get clientId(): string {
    // A Worker makes no random numbers at global scope.
    return (this.#options.clientId ??= randomId());
  }

  /** Tells whether what subscribers see is current: `live` if no live query waits for its shard. */
  get state(): ClientState {
    if (this.#isClosed) return "closed";
    if (!this.#env.isOnline()) return "offline";
    const states = [...this.#shards.values()].map(({ state }) => state);
    return (["offline", "connecting"] as const).find((state) => states.includes(state)) ?? "live";
  }

  /** Calls `listener` with each new state; returns what ends that. */
  onState(listener: (state: ClientState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /** Calls `listener` with what happens to queued writes; returns what ends that. */
  onWrite(listener: (event: WriteEvent) => void): () => void {
    this.#writeListeners.add(listener);
    return () => this.#writeListeners.delete(listener);
  }

  /** Runs a query once. */
  query<R extends FunctionReference<"query">>(reference: R, ...rest: CallRest<R>): Promise<ResultOf<R>>;
  query<T = unknown>(path: FunctionPath, args?: object, options?: CallOptions): Promise<T>;
  query<T>(path: string, args: object = {}, options: CallOptions = {}): Promise<T> {
    return this.#run(path, args, { ...options, kind: "query" });
  }

  /** Runs an action. */
  action<R extends FunctionReference<"action">>(reference: R, ...rest: CallRest<R>): Promise<ResultOf<R>>;
  action<T = unknown>(path: FunctionPath, args?: object, options?: CallOptions): Promise<T>;
  action<T>(path: string, args: object = {}, options: CallOptions = {}): Promise<T> {
    return this.#run(path, args, { ...options, kind: "action" });
  }

  /** Runs a mutation. With `offline` it waits in the outbox until the shard answers it. */
  mutation<R extends FunctionReference<"mutation">>(reference: R, ...rest: CallRest<R, MutationOptions>): Promise<ResultOf<R>>;
  mutation<T = unknown>(path: FunctionPath, args?: object, options?: MutationOptions): Promise<T>;
  async mutation<T>(path: string, args: object = {}, options: MutationOptions = {}): Promise<T> {
    const { id = randomId(), shard: name, optimistic, offline } = options;
    const { clientId } = this;
    const wire = encode(args);
    const shard = this.#shard(name);
    const layer = optimistic && shard.layer(optimistic);
    const sending = (): void => {
      if (layer) layer.isUncertain = true;
    };
    let answer: Answer;
    try {
      if (offline) {
        answer = await this.#outbox.add({ id, path, args: wire, shard: name, clientId, subject: this.#knownSubject() }, sending);
      } else {
        await this.#outbox.settled(name);
        sending();
        answer = await this.#send(path, wire, id, { ...options, clientId });
      }
    } catch (error) {
      if (layer) shard.settle(layer, undefined, true);
      throw error;
    }
    if (layer) shard.settle(layer, answer.commitCursor);
    return decode(answer.result) as T;
  }

  /** Runs a query on every shard of `fanOut.table` and merges the answers; `failed` shards are missing in `data`. */
  queryShards<T = unknown>(path: string, args: object, fanOut: FanOut, options: Omit<CallOptions, "shard"> = {}): Promise<FanOutAnswer<T>> {
    return this.#run(path, args, { ...options, fanOut, kind: "query" });
  }

  /** Sends at most 500 calls in one request. The calls of one shard run one after another. */
  batch(calls: BatchCall[], options: Omit<CallOptions, "shard"> = {}): Promise<BatchResult[]> {
    return this.#http.batch(calls, this.clientId, options);
  }

  /** Subscribes to the value of a query. Equal subscriptions share one. */
  subscribe<R extends FunctionReference<"query">>(
    reference: R, args: ArgsOf<R>, options: ShardOptions, listener: Listener<ResultOf<R>>,
  ): Subscription<ResultOf<R>>;
  subscribe<T = unknown>(path: FunctionPath, args: object, options: ShardOptions, listener: Listener<T>): Subscription<T>;
  subscribe<T>(path: string, args: object, { shard }: ShardOptions, listener: Listener<T>): Subscription<T> {
    return this.#shard(shard).subscribe(path, args, listener);
  }

  /** Returns a topic of a shard. */
  topic(shard: string | undefined, name: string): Topic {
    const of = this.#shard(shard);
    return { name, listen: (hear, joined) => of.join(name, { hear, joined }), send: (data) => of.whisper(name, data) };
  }

  /** Returns the writes that wait to be sent, those of other tabs included, in their order. */
  pendingWrites(): Promise<QueuedWrite[]> {
    return this.#outbox.pending();
  }

  /** Removes a write that waits; its promise rejects with `DISCARDED`. It may have been applied. */
  discardWrite(id: string): Promise<void> {
    return this.#outbox.discard(id);
  }

  /** Sends waiting writes and reconnects at once, without the rest of any delay. */
  retryNow(): void {
    this.#shards.forEach((shard) => shard.hurry());
    void this.#outbox.flush();
  }

  /** Signs in another user, or signs out with `null`. To renew a token, pass a function as `token` instead. */
  setToken(token: TokenSource): void {
    this.#credentials.set(token);
    this.#subject = undefined;
    this.#shards.forEach((shard) => shard.restart());
    this.#outbox.disown();
    void this.#outbox.flush();
  }

  /** Closes all sockets. Queued writes stay in their storage. */
  close(): void {
    this.#isClosed = true;
    for (const [target, event] of WAKERS) target?.removeEventListener(event, this.#hurry);
    this.#outbox.close();
    this.#shards.forEach((shard) => shard.close());
    this.#changed();
  }

  #hurry = (): void => {
    if (!page?.hidden && this.#env.isOnline()) this.retryNow();
    this.#changed();
  };

  #shard(name: string | undefined): Shard {
    let shard = this.#shards.get(name);
    if (!shard) this.#shards.set(name, (shard = new Shard(this.#env, name)));
    return shard;
  }

  async #run<T>(path: string, args: object, request: Request): Promise<T> {
    const answer = await this.#http.call(path, encode(args), request);
    return decode(request.fanOut ? answer : answer.result) as T;
  }

  #send(path: string, args: unknown, mutationId: string, options: CallOptions & { clientId: string; subject?: string | null }): Promise<Answer> {
    return this.#http.call(path, args, { ...options, mutationId, baseSeq: this.#shard(options.shard).baseSeq, kind: "mutation" });
  }

  #knownSubject(): string | null | undefined {
    const { subject } = this.#options;
    return subject ? subject() : this.#subject;
  }

  async #check({ subject }: QueuedWrite): Promise<"IDENTITY_MISMATCH" | "UNAUTHORIZED" | undefined> {
    // Signing in again is awaited where a token identifies the user.
    if (subject != null && this.#options.token !== undefined && (await this.#credentials.get()) === null) return "UNAUTHORIZED";
    const known = this.#knownSubject();
    return subject === undefined || known === undefined || known === subject ? undefined : "IDENTITY_MISMATCH";
  }

  #changed(): void {
    const { state } = this;
    if (state === this.#state) return;
    this.#state = state;
    this.#stateListeners.forEach((listener) => listener(state));
  }
}
