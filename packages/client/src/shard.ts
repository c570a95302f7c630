import { decode, encode, stableKey } from "./codec.js";
import { Connection, type ConnectionEvents } from "./connection.js";
import type { Env } from "./env.js";
import { LunoraError, isAuthError } from "./errors.js";
import { toError } from "./http.js";
import type { Layer, OptimisticCache } from "./layers.js";
import { LiveQuery, type Listener } from "./live.js";
import type { Subscription } from "./options.js";
import type { Whisper } from "./topic.js";

const IDLE_MS = 5_000;
const HOLD_MS = 1_000;
const AGAIN_MS = 1_000;

const keyOf = (path: string, args: object): string => `${path}::${stableKey(args)}`;

/** Hears a topic. */
export interface Hearer {
  hear(whisper: Whisper<any>): void;
  joined: (() => void) | undefined;
}

/** The live queries, topics and optimistic layers of one shard, over one socket. */
export class Shard implements ConnectionEvents {
  readonly #env: Env;
  readonly #name: string | undefined;
  readonly #queries = new Map<string, LiveQuery>();
  readonly #topics = new Map<string, Set<Hearer>>();
  readonly #layers: Layer[] = [];
  #connection: Connection | undefined;
  #next = 1;
  #idle: unknown;
  #hold: unknown;
  #subject: string | null | undefined;

  constructor(env: Env, name: string | undefined) {
    this.#env = env;
    this.#name = name;
  }

  /** Returns the state of the socket; `undefined` if nothing uses it. */
  get state(): "live" | "connecting" | "offline" | undefined {
    if (!this.#connection || this.#isIdle) return undefined;
    const { isOpen, attempts } = this.#connection;
    if (isOpen && [...this.#queries.values()].every(({ isCurrent }) => isCurrent)) return "live";
    return !isOpen && attempts > 1 ? "offline" : "connecting";
  }

  get #isIdle(): boolean {
    return this.#queries.size + this.#topics.size === 0;
  }

  /** Returns the position of the newest live value. */
  get baseSeq(): number | undefined {
    const cursors = [...this.#queries.values()].flatMap(({ cursor }) => cursor ?? []);
    return cursors.length > 0 ? Math.max(...cursors) : undefined;
  }

  subscribe(path: string, args: object, given: Listener<any>): Subscription<any> {
    // One object may listen twice.
    const listener: Listener<any> = Object.create(given);
    const key = keyOf(path, args);
    let query = this.#queries.get(key);
    if (!query) {
      query = new LiveQuery(`sub_${this.#next++}`, key, path, encode(args), this.#layers);
      this.#queries.set(key, query);
      this.#connect()?.send(query.subscribe());
    }
    const known = query;
    const { id, listeners } = known;
    listeners.add(listener);
    this.#env.changed();
    queueMicrotask(() => {
      if (!listeners.has(listener)) return;
      if (known.value !== undefined) listener.onValue(known.value);
      if (known.error) listener.onError?.(known.error);
    });
    return {
      get value() {
        return known.value;
      },
      get error() {
        return known.error;
      },
      close: () => {
        if (!listeners.delete(listener) || listeners.size > 0) return;
        this.#queries.delete(key);
        this.#connection?.send({ type: "unsubscribe", id });
        this.#closeIfIdle();
      },
    };
  }

  /** Joins a topic; returns what leaves it. */
  join(topic: string, hearer: Hearer): () => void {
    const hearers = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, hearers.add(hearer));
    const connection = this.#connect();
    if (hearers.size === 1) connection?.send({ type: "whisper_subscribe", topic });
    if (connection?.isOpen) hearer.joined?.();
    return () => {
      if (!hearers.delete(hearer) || hearers.size > 0) return;
      this.#topics.delete(topic);
      this.#connection?.send({ type: "whisper_unsubscribe", topic });
      this.#closeIfIdle();
    };
  }

  whisper(topic: string, data: unknown): void {
    this.#connection?.send({ type: "whisper", topic, data: encode(data) });
  }

  /** Shows what a write will do. */
  layer(describe: (cache: OptimisticCache) => void): Layer {
    const layer: Layer = { patches: new Map(), isUncertain: false, isDone: false, cursor: undefined };
    describe({
      get: (path: string, args = {}) => this.#queries.get(keyOf(path, args))?.value as any,
      update: (path: string, args: object, change: (value: any) => any) => {
        const key = keyOf(path, args);
        const first = layer.patches.get(key);
        layer.patches.set(key, first ? (value) => change(first(value) as any) : change);
      },
    });
    for (const old of [...this.#layers]) if (old.isDone && old.patches.size === 0) this.#remove(old);
    this.#layers.push(layer);
    this.#show(layer, false);
    return layer;
  }

  /** Ends a layer: at once if the write was refused, else with the live value that has the write. */
  settle(layer: Layer, commitCursor?: number, isRefused = false): void {
    layer.isUncertain = false;
    layer.isDone = true;
    layer.cursor = commitCursor;
    if (isRefused) this.#remove(layer);
    this.#show(layer);
    for (const key of layer.patches.keys()) if (isRefused || !this.#queries.has(key)) layer.patches.delete(key);
    if (layer.patches.size === 0) return this.#remove(layer);
    // The shard sends nothing about a query that the write did not touch, so that its position is asked for.
    this.#env.clock.setTimeout(() => {
      for (const key of layer.patches.keys()) {
        const query = this.#queries.get(key);
        if (query) this.#connection?.send(query.subscribe());
      }
    }, AGAIN_MS);
  }

  hurry(): void {
    this.#connection?.hurry();
  }

  /** Reconnects as another user. */
  restart(): void {
    this.#connection?.restart();
  }

  close(): void {
    this.#env.clock.clearTimeout(this.#idle);
    this.#connection?.close();
    this.#connection = undefined;
  }

  #remove(layer: Layer): void {
    const at = this.#layers.indexOf(layer);
    if (at >= 0) this.#layers.splice(at, 1);
  }

  #show(layer: Layer, advances = true): void {
    for (const key of [...layer.patches.keys()]) this.#queries.get(key)?.show(advances);
  }

  #connect(): Connection | undefined {
    this.#env.clock.clearTimeout(this.#idle);
    if (!this.#env.WebSocket) {
      throw new LunoraError({ code: "WEBSOCKET_UNAVAILABLE", message: "pass the option `WebSocket`" });
    }
    return (this.#connection ??= new Connection(this.#env, this.#name, this));
  }

  #closeIfIdle(): void {
    this.#env.changed();
    if (!this.#isIdle) return;
    this.#idle = this.#env.clock.setTimeout(() => {
      this.close();
      this.#env.changed();
    }, IDLE_MS);
  }

  opened(): void {
    const { changes, clientId } = this.#env;
    this.#connection?.send({ type: "connect", id: "connect", clientId: clientId(), caps: changes?.caps });
    this.#queries.forEach((query) => (query.isCurrent = false));
    this.#subscribeAgain();
  }

  heard(frame: Record<string, any>): void {
    const { id } = frame;
    const query = [...this.#queries.values()].find((it) => it.id === id);
    frame = (query && this.#env.changes?.take(frame, query)) ?? frame;
    const { type } = frame;
    if (type === "ack") query?.acknowledged();
    else if (type === "data" || type === "resume" || type === "settled") {
      query?.receive(type, frame);
      if (query?.isHeld) {
        // The answer of a write that the value may have is on its way; a value is not held for long.
        this.#hold ??= this.#env.clock.setTimeout(() => this.#showAll(), HOLD_MS);
      } else query?.show();
    } else if (type === "identity") this.#identified(frame["subject"]);
    else if (type === "whisper") this.#whispered(frame);
    else if (type === "error") {
      const error = toError({ ...frame, ...frame["error"] });
      if (query) {
        query.fail(error);
        query.show();
      } else if (id === undefined && error.code === "TOO_MANY_REQUESTS") this.#env.clock.setTimeout(() => this.#subscribeAgain(), AGAIN_MS);
      else if (id === undefined) this.#env.report(error);
    }
    this.#env.changed();
  }

  #showAll(): void {
    this.#hold = undefined;
    this.#queries.forEach((query) => query.show());
  }

  /** Subscribes what the shard has not answered. */
  #subscribeAgain(): void {
    this.#queries.forEach((query) => query.isCurrent || this.#connection?.send(query.subscribe()));
    for (const [topic, hearers] of this.#topics) {
      this.#connection?.send({ type: "whisper_subscribe", topic });
      for (const { joined } of hearers) joined?.();
    }
  }

  #identified(subject: string | null): void {
    if (this.#subject !== undefined && this.#subject !== subject) {
      for (const query of this.#queries.values()) {
        query.forget();
        this.#connection?.send(query.subscribe());
      }
    }
    this.#subject = subject;
    this.#env.identified(subject);
  }

  #whispered({ topic, data, from = null }: Record<string, any>): void {
    let value: unknown;
    try {
      value = decode(data);
    } catch {
      return;
    }
    for (const { hear } of [...(this.#topics.get(topic) ?? [])]) hear({ data: value, from });
  }

  /** Calls a query over HTTP, which says why the socket is refused and renews a rejected token. */
  async refused(): Promise<LunoraError | undefined> {
    const [query] = this.#queries.values();
    if (!query) return undefined;
    try {
      await this.#env.http.call(query.path, query.args, { kind: "query", shard: this.#name });
    } catch (error) {
      if (!(error instanceof LunoraError) || error.isTransient) return undefined;
      if (isAuthError(error)) return error;
      this.blocked(error);
    }
    return undefined;
  }

  blocked(error: LunoraError): void {
    this.#queries.forEach((query) => query.fail(error));
    if (this.#queries.size === 0) this.#env.report(error);
  }
}
