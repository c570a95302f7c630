// src/clock.ts
var systemClock = {
  now: Date.now,
  random: Math.random,
  setTimeout: (work, ms) => setTimeout(work, ms),
  clearTimeout: (timer) => clearTimeout(timer)
};
var FIRST_MS = 250;
var backoff = (clock, attempt, longestMs) => clock.random() * Math.min(longestMs, FIRST_MS * 2 ** attempt);

// src/errors.ts
var RETRYABLE = /* @__PURE__ */ new Set(["RATE_LIMITED", "TOO_MANY_REQUESTS", "SHARD_ERROR", "SHARD_UNAVAILABLE"]);
var AUTH = /* @__PURE__ */ new Set(["UNAUTHORIZED", "TOKEN_EXPIRED"]);
var LunoraError = class extends Error {
  name = "LunoraError";
  constructor(body, status = 0, isTransient = RETRYABLE.has(body.code)) {
    super(body.message ?? body.code);
    const { code, data, hint, docsUrl } = body;
    Object.assign(this, { code, data, hint, docsUrl, status, isTransient });
  }
};
var isAuthError = (error) => error instanceof LunoraError && AUTH.has(error.code);

// src/codec.ts
var TAG = "$lunora.wire$";
var MAX_DEPTH = 64;
var MAX_DIGITS = 1024;
var ARRAYS = "Int8 Uint8Clamped Int16 Uint16 Int32 Uint32 Float32 Float64 BigInt64 BigUint64".split(" ").map((name) => globalThis[`${name}Array`]);
var invalid = (kind, expected) => {
  throw new LunoraError({ code: "WIRE_INVALID", message: `invalid ${kind}: expected ${expected}` });
};
var checkDepth = (depth) => {
  if (depth > MAX_DEPTH) invalid("value", `at most ${MAX_DEPTH} levels`);
};
function toBase64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}
var toBase64Url = (text) => toBase64(new TextEncoder().encode(text)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
function fromBase64(text) {
  try {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    if (toBase64(bytes) === text) return bytes;
  } catch {
  }
  return invalid("bytes", "base64");
}
var checkDigits = (digits) => typeof digits === "string" && digits.length <= MAX_DIGITS && /^-?\d+$/.test(digits) ? digits : invalid("bigint", `at most ${MAX_DIGITS} digits`);
var mapFields = (fields, each) => Object.fromEntries(Object.entries(fields).flatMap(([key, value]) => value === void 0 ? [] : [[key, each(value)]]));
function encode(value, depth = 0) {
  checkDepth(depth);
  const inner = (it) => encode(it, depth + 1);
  switch (typeof value) {
    case "undefined":
      return [TAG, "undefined"];
    case "bigint":
      return [TAG, "bigint", checkDigits(`${value}`)];
    case "number":
      if (Number.isFinite(value)) return value;
      return [TAG, Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf"];
    case "string":
    case "boolean":
      return value;
    case "object":
      break;
    default:
      return invalid(typeof value, "a wire value");
  }
  if (value === null) return null;
  if (Array.isArray(value)) {
    const items = Array.from(value, inner);
    return value[0] === TAG ? [TAG, "arr", items] : items;
  }
  if (value instanceof Date) return [TAG, "date", inner(value.getTime())];
  if (value instanceof URL) return [TAG, "url", value.href];
  if (value instanceof Map) return [TAG, "map", Array.from(value, ([key, item]) => [inner(key), inner(item)])];
  if (value instanceof Set) return [TAG, "set", Array.from(value, inner)];
  if (value instanceof Uint8Array) return [TAG, "bytes", toBase64(value)];
  if (value instanceof ArrayBuffer) return [TAG, "bytes", toBase64(new Uint8Array(value)), "ArrayBuffer"];
  const array = ARRAYS.find((type) => value instanceof type);
  if (array) {
    const { buffer, byteOffset, byteLength } = value;
    return [TAG, "bytes", toBase64(new Uint8Array(buffer, byteOffset, byteLength)), array.name];
  }
  if (value instanceof Error) {
    const { name, message, cause, stack: _, ...fields } = value;
    return [TAG, "error", name, message, mapFields(fields, inner), ...cause === void 0 ? [] : [inner(cause)]];
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) invalid("class", "a wire value");
  return mapFields(value, inner);
}
function decode(json, depth = 0) {
  checkDepth(depth);
  const inner = (it) => decode(it, depth + 1);
  if (typeof json !== "object" || json === null) return json;
  if (!Array.isArray(json)) return mapFields(json, inner);
  if (json[0] !== TAG) return json.map(inner);
  const [, tag, payload, extra] = json;
  const list = () => Array.isArray(payload) ? payload : invalid(tag, "an array");
  switch (tag) {
    case "undefined":
      return void 0;
    case "nan":
      return NaN;
    case "inf":
      return Infinity;
    case "-inf":
      return -Infinity;
    case "bigint":
      return BigInt(checkDigits(payload));
    case "date": {
      const time = inner(payload);
      return typeof time === "number" ? new Date(time) : invalid(tag, "a number");
    }
    case "url":
      return URL.canParse(payload) ? new URL(payload) : invalid(tag, "an absolute URL");
    case "map":
      return new Map(list().map((entry) => {
        if (!Array.isArray(entry) || entry.length !== 2) return invalid(tag, "pairs");
        return [inner(entry[0]), inner(entry[1])];
      }));
    case "set":
      return new Set(list().map(inner));
    case "arr":
      return list().map(inner);
    case "bytes": {
      const bytes = fromBase64(payload);
      if (extra === "ArrayBuffer") return bytes.buffer;
      const array = ARRAYS.find(({ name }) => name === extra);
      if (!array) return bytes;
      if (bytes.length % array.BYTES_PER_ELEMENT !== 0) return invalid(tag, "whole elements");
      return new array(bytes.buffer);
    }
    case "error":
      return decodeError(json, inner);
    default:
      return json.map(inner);
  }
}
function decodeError(json, inner) {
  const [, , name, message, fields] = json;
  if (typeof name !== "string" || typeof message !== "string" || !fields || typeof fields !== "object" || Array.isArray(fields)) {
    return invalid("error", "its parts");
  }
  const error = new Error(message, json.length > 5 ? { cause: inner(json[5]) } : void 0);
  return Object.defineProperties(error, Object.getOwnPropertyDescriptors(mapFields({ ...fields, name }, inner)));
}
var stableKey = (value) => JSON.stringify(encode(value), (_, json) => json && typeof json === "object" && !Array.isArray(json) ? Object.fromEntries(Object.entries(json).sort()) : json);

// src/credentials.ts
var Credentials = class {
  #source;
  #asking;
  constructor(source) {
    this.#source = source;
  }
  set(source) {
    this.#source = source;
    this.#asking = void 0;
  }
  /** Returns the token, the one of the last answer if a function supplies it. */
  async get() {
    return this.#asking ?? this.#ask();
  }
  /** Asks for another token than `rejected`. Returns `undefined` if the source has no other one. */
  async renew(rejected) {
    const known = this.#asking;
    const current = await this.get();
    if (current !== rejected) return current;
    if (typeof this.#source !== "function") return void 0;
    const renewed = await (known && this.#asking !== known ? this.get() : this.#ask());
    return renewed === rejected ? void 0 : renewed;
  }
  #ask() {
    const source = this.#source;
    const asking = (async () => (typeof source === "function" ? await source() : source) ?? null)();
    this.#asking = asking;
    asking.catch(() => {
      if (this.#asking === asking) this.#asking = void 0;
    });
    return asking;
  }
};

// src/http.ts
function retryAfter(headers, now) {
  const text = headers.get("retry-after");
  if (!text) return void 0;
  const ms = Number(text) * 1e3 || Date.parse(text) - now;
  return ms > 0 ? ms : void 0;
}
function toError(body, status = 0, retryAfterMs) {
  let data;
  try {
    if ("data" in body) data = decode(body.data);
  } catch {
  }
  if (retryAfterMs !== void 0 && (data === void 0 || data && typeof data === "object")) data = { retryAfterMs, ...data };
  return new LunoraError({ ...body, code: body.code ?? "INTERNAL", data }, status);
}
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return void 0;
  }
}
var failure = (code, message, status = 0) => new LunoraError({ code, message }, status, true);
var Http = class {
  url;
  clock;
  #fetch;
  #credentials;
  #timeoutMs;
  #bookmark = null;
  constructor(url, fetch, credentials, clock, timeoutMs) {
    this.url = url;
    this.#fetch = fetch;
    this.#credentials = credentials;
    this.clock = clock;
    this.#timeoutMs = timeoutMs;
  }
  /** Calls one function, and returns its answer without decoding it. */
  call(path, args, request) {
    const { shard: shardKey, fanOut, mutationId, clientId, baseSeq, subject } = request;
    const expected = subject === void 0 ? void 0 : toBase64Url(JSON.stringify({ subject }));
    const headers = { "mutation-id": mutationId, "client-id": clientId, "base-seq": baseSeq, "expect-subject": expected };
    return this.#post("/_lunora/rpc", { functionPath: path, args, shardKey, fanOut }, headers, request);
  }
  /** Sends several calls in one request. */
  async batch(calls, clientId, options) {
    const body = {
      calls: calls.map(({ path, args = {}, shard, mutationId }, id) => ({
        id: `${id}`,
        functionPath: path,
        args: encode(args),
        shardKey: shard,
        mutationId,
        clientId: mutationId && clientId
      }))
    };
    const { results } = await this.#post("/_lunora/rpc-batch", body, {}, { ...options, kind: "action" });
    return calls.map((_, id) => {
      const slot = results?.find((it) => `${it.id}` === `${id}`);
      if (slot?.body && !slot.body.error) return { ok: true, value: decode(slot.body.result) };
      return { ok: false, error: toError(slot?.body?.error ?? { code: "SHARD_ERROR", message: "no answer" }, slot?.status) };
    });
  }
  /** Posts JSON. A rejected token is renewed once. */
  async #post(path, body, headers, request) {
    const text = JSON.stringify(body);
    return this.#limited(request, async (signal) => {
      const token = await this.#credentials.get();
      try {
        return await this.#send(path, text, headers, token, request, signal);
      } catch (error) {
        const renewed = isAuthError(error) ? await this.#credentials.renew(token) : void 0;
        if (renewed === void 0) throw error;
        return this.#send(path, text, headers, renewed, request, signal);
      }
    });
  }
  /** Runs work until it is done, aborted, or out of time. */
  async #limited({ signal, timeoutMs = this.#timeoutMs }, work) {
    signal?.throwIfAborted();
    const control = new AbortController();
    const stop = () => control.abort(signal?.reason);
    const stopped = new Promise((_, reject) => {
      control.signal.onabort = () => reject(control.signal.reason);
    });
    signal?.addEventListener("abort", stop);
    const timer = this.clock.setTimeout(() => control.abort(failure("DEADLINE_EXCEEDED", `no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      return await Promise.race([work(control.signal), stopped]);
    } finally {
      signal?.removeEventListener("abort", stop);
      this.clock.clearTimeout(timer);
    }
  }
  async #send(path, body, headers, token, { kind }, signal) {
    const all = { "content-type": "application/json" };
    for (const [name, value] of Object.entries(headers)) if (value !== void 0) all[`x-lunora-${name}`] = `${value}`;
    if (token !== null) all["authorization"] = `Bearer ${token}`;
    if (kind !== "mutation" && this.#bookmark !== null) all["x-d1-bookmark"] = this.#bookmark;
    const fetch = this.#fetch ?? globalThis.fetch;
    let response;
    let text;
    try {
      response = await fetch(this.url + path, { method: "POST", headers: all, body, signal });
      text = await response.text();
    } catch (error2) {
      throw signal.aborted ? signal.reason : failure("NETWORK_ERROR", `${error2}`);
    }
    const answer = parse(text);
    const { ok, status, headers: received } = response;
    const error = answer?.error;
    if (!ok && error && typeof error === "object") throw toError(error, status, retryAfter(received, this.clock.now()));
    if (!ok || !answer || typeof answer !== "object") throw failure("INTERNAL", `no answer of lunora: status ${status}`, status);
    if (kind !== "query") this.#bookmark = received.get("x-d1-bookmark") ?? this.#bookmark;
    return answer;
  }
};

// src/id.ts
var randomId = () => crypto.getRandomValues(new Uint8Array(16)).join("-");

// src/outbox.ts
var LONGEST_BACKOFF_MS = 6e4;
var OUTCOME_MS = 6e4;
var Outbox = class {
  #host;
  #waiting = /* @__PURE__ */ new Map();
  #running = /* @__PURE__ */ new Map();
  #adding = Promise.resolve();
  #isClosed = false;
  constructor(host) {
    this.#host = host;
    host.storage.watch?.((removed) => this.#changed(removed));
  }
  /** Keeps a write and sends it. Resolves with its answer, and rejects if it is refused. */
  add(write, sending) {
    const { storage, clock, tell } = this.#host;
    return new Promise((resolve, reject) => {
      this.#waiting.set(write.id, { subject: write.subject, resolve, reject, sending });
      this.#adding = this.#adding.then(async () => {
        const others = await storage.list();
        const queued = { ...write, order: Math.max(clock.now(), ...others.map(({ order }) => order + 1)) };
        await storage.put(queued);
        tell({ type: "queued", write: queued });
        void this.#drain(write.shard);
      }).catch((error) => this.#take(write.id)?.reject(error));
    });
  }
  /** Sends what waits, without the rest of any delay. */
  async flush() {
    for (const run of this.#running.values()) run.wake?.();
    for (const { shard } of await this.pending().catch(() => [])) void this.#drain(shard);
  }
  /** Waits for the writes of a shard that are being sent. */
  async settled(shard) {
    await this.#adding;
    await this.#running.get(shard)?.pass?.catch(() => {
    });
  }
  /** Returns what waits to be sent, in its order. */
  async pending() {
    const writes = await this.#host.storage.list();
    return writes.filter(({ outcome }) => !outcome).sort((a, b) => a.order - b.order);
  }
  /** Removes a write that waits. */
  async discard(id) {
    await this.#host.storage.delete(id);
    this.#changed(id);
  }
  /** Refuses the writes of this page whose user is not known: another user may be signed in now. */
  disown() {
    for (const waiting of this.#waiting.values()) waiting.isForeign = waiting.subject === void 0;
  }
  close() {
    this.#isClosed = true;
    for (const run of this.#running.values()) run.wake?.();
  }
  /** Takes note of a change of the storage. A write is removed before its answer only if it was discarded. */
  #changed(removed) {
    if (removed) this.#take(removed)?.reject(new LunoraError({ code: "DISCARDED" }));
    if (!this.#isClosed) this.#host.tell({ type: "changed" });
  }
  async #drain(shard) {
    const known = this.#running.get(shard);
    if (known) {
      known.again = true;
      return;
    }
    const run = { again: true };
    this.#running.set(shard, run);
    const { clock, locks, name } = this.#host;
    for (let attempt = 0; run.again && !this.#isClosed; ) {
      run.again = false;
      const pass = () => this.#pass(shard, () => attempt = 0);
      try {
        run.pass = locks ? locks.request(`${name}:${shard ?? ""}`, pass) : pass();
        await run.pass;
      } catch (error) {
        run.again = true;
        const asked = error?.data?.retryAfterMs ?? 0;
        const delay = Math.max(backoff(clock, attempt++, LONGEST_BACKOFF_MS), Math.min(asked, LONGEST_BACKOFF_MS));
        let timer;
        await new Promise((resolve) => {
          run.wake = resolve;
          timer = clock.setTimeout(resolve, delay);
        });
        clock.clearTimeout(timer);
      }
    }
    this.#running.delete(shard);
  }
  /** Sends the writes of a shard until none waits. Throws if one has to be sent again. */
  async #pass(shard, progress) {
    const { storage, clock } = this.#host;
    while (!this.#isClosed) {
      for (const { id, outcome } of await storage.list()) {
        if (!outcome || !this.#waiting.has(id) && clock.now() - outcome.at < OUTCOME_MS) continue;
        await storage.delete(id);
        const { error } = outcome;
        if (error) this.#take(id)?.reject(toError(error, error.status));
        else this.#take(id)?.resolve(outcome);
      }
      const next = (await this.pending()).find((write) => write.shard === shard);
      if (!next) return;
      await this.#send(next);
      progress();
    }
  }
  async #send(write) {
    const host = this.#host;
    const waiting = this.#waiting.get(write.id);
    let answer;
    try {
      const reason = waiting?.isForeign ? "IDENTITY_MISMATCH" : await host.check(write);
      if (reason) throw new LunoraError({ code: reason, message: "the user of the write is signed out" });
      waiting?.sending();
      answer = await host.send(write);
    } catch (error) {
      if (!(error instanceof LunoraError) || error.isTransient || isAuthError(error)) throw error;
      const { status, message, data } = error;
      const code = error.code === "IDENTITY_MISMATCH" ? "OFFLINE_IDENTITY_CHANGED" : error.code;
      const refusal = new LunoraError({ ...error, code, message }, status);
      await this.#end(write, { error: { ...refusal, message, data: encode(data) } });
      this.#take(write.id)?.reject(refusal);
      return host.tell({ type: "refused", write, error: refusal });
    }
    await this.#end(write, answer);
    this.#take(write.id)?.resolve(answer);
    host.tell({ type: "sent", write, value: decode(answer.result) });
  }
  /** Removes a write of this page; leaves the outcome of another one for the tab that may wait for it. */
  async #end(write, outcome) {
    const { storage, clock } = this.#host;
    if (this.#waiting.has(write.id)) await storage.delete(write.id);
    else await storage.put({ ...write, outcome: { ...outcome, at: clock.now() } });
  }
  #take(id) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
};

// src/connection.ts
var CONNECT_MS = 1e4;
var PING_EVERY_MS = 3e4;
var SILENCE_MS = 45e3;
var HURRIED_SILENCE_MS = 1e4;
var LONGEST_BACKOFF_MS2 = 3e4;
var TOKEN_EXPIRED = 4001;
var Connection = class {
  isOpen = false;
  /** Counts the attempts since the last one that worked. */
  attempts = 0;
  #env;
  #events;
  #url;
  #socket;
  /** Identifies the attempt that counts: the callbacks of an earlier one do nothing. */
  #attempt = 0;
  #timers = {};
  #isWaiting = false;
  constructor(env, shard, events) {
    this.#env = env;
    this.#events = events;
    this.#url = `${env.http.url.replace(/^http/, "ws")}/_lunora/ws?${shard === void 0 ? "" : `shard=${encodeURIComponent(shard)}`}`;
    void this.#open();
  }
  send(frame) {
    if (this.isOpen) this.#socket?.send(JSON.stringify(frame));
  }
  /** Retries at once, or asks the open socket whether it still works. */
  hurry() {
    if (this.isOpen) this.#ping(HURRIED_SILENCE_MS);
    else if (this.#isWaiting) this.restart();
  }
  /** Opens a new socket at once, with the current token. */
  restart() {
    this.close();
    this.attempts = 0;
    void this.#open();
  }
  close() {
    this.#attempt++;
    Object.values(this.#timers).forEach(this.#env.clock.clearTimeout);
    this.#timers = {};
    this.#isWaiting = this.isOpen = false;
    const socket = this.#socket;
    this.#socket = void 0;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    this.#env.changed();
  }
  async #open() {
    const { clock, credentials, WebSocket } = this.#env;
    const attempt = ++this.#attempt;
    this.#isWaiting = false;
    this.#timers.wait = clock.setTimeout(() => this.#lost(), CONNECT_MS);
    this.#env.changed();
    const token = await credentials.get().catch(() => void 0);
    if (attempt !== this.#attempt) return;
    if (token === void 0) return this.#lost();
    const socket = new WebSocket(token === null ? this.#url : `${this.#url}&token=${encodeURIComponent(token)}`);
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
      if (frame?.type !== "error") this.attempts = 0;
      if (frame && frame.code !== "TOKEN_EXPIRED") this.#events.heard(frame);
    };
    socket.onerror = () => {
    };
    socket.onclose = ({ code }) => {
      if (code === TOKEN_EXPIRED) void this.#lost(() => this.#renew(token));
      else void this.#lost(this.isOpen || !this.#env.isOnline() ? void 0 : () => this.#events.refused());
    };
  }
  #clear(timer) {
    this.#env.clock.clearTimeout(this.#timers[timer]);
    this.#timers[timer] = void 0;
  }
  #pingLater() {
    this.#timers.ping = this.#env.clock.setTimeout(() => {
      this.#ping(SILENCE_MS);
      this.#pingLater();
    }, PING_EVERY_MS);
  }
  /** Gives the socket up if no answer comes: a browser may not notice for minutes that its line is dead. */
  #ping(silenceMs) {
    this.#socket?.send("lunora-ping");
    if (silenceMs < SILENCE_MS) this.#clear("silence");
    this.#timers.silence ??= this.#env.clock.setTimeout(() => this.#lost(), silenceMs);
  }
  /** Reconnects after a delay, unless `explain` finds an error that lasts until another token is set. */
  async #lost(explain) {
    this.close();
    const attempt = this.#attempt;
    const delay = backoff(this.#env.clock, this.attempts++, LONGEST_BACKOFF_MS2);
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
  async #renew(token) {
    const renewed = await this.#env.credentials.renew(token).catch(() => null);
    return renewed === void 0 ? new LunoraError({ code: "TOKEN_EXPIRED", message: "the token expired" }) : void 0;
  }
};

// src/live.ts
var LiveQuery = class {
  /** Holds what subscribers see; `undefined` before the first value. */
  value;
  error;
  listeners = /* @__PURE__ */ new Set();
  id;
  key;
  path;
  args;
  /** Tells whether the shard answered on the current socket. */
  isCurrent = false;
  cursor;
  #epoch;
  #layers;
  /** The last value that came, and its JSON. */
  #base;
  /** The value that subscribers see below the layers: older than the base while a value is held back. */
  #shown;
  /** What the value was made of: the base and the changes of the layers. */
  #made = [];
  /** The layers that the next answer to a `subscribe` has. */
  #asked = [];
  #isAnswer = false;
  constructor(id, key, path, args, layers) {
    this.id = id;
    this.key = key;
    this.path = path;
    this.args = args;
    this.#layers = layers;
  }
  /** Returns the frame that subscribes, from the held position if there is one. */
  subscribe() {
    this.#isAnswer = false;
    this.#asked = this.#layers.filter((layer) => layer.isDone);
    const held = this.#epoch === void 0 ? void 0 : { sinceSeq: this.cursor, sinceEpoch: this.#epoch };
    return { type: "subscribe", id: this.id, query: { functionPath: this.path, args: this.args, ...held } };
  }
  /** Drops the position and the base: another user may see another value. */
  forget() {
    this.#base = this.cursor = this.#epoch = void 0;
  }
  acknowledged() {
    this.#isAnswer = true;
  }
  /** Takes a `data`, `resume` or `settled` frame. */
  receive(type, frame) {
    if (type === "data") {
      const json = JSON.stringify(frame.data);
      if (this.#base?.json !== json) {
        try {
          this.#base = { json, value: decode(frame.data) };
        } catch (error) {
          return this.fail(new LunoraError({ code: "WIRE_DECODE_FAILED", message: error.message }));
        }
      }
    }
    if (!this.#base) return;
    this.error = void 0;
    this.cursor = frame.cursor;
    this.#epoch = frame.epoch;
    this.#answered();
  }
  fail(error) {
    this.error = error;
    this.#isAnswer = true;
    this.#answered();
    for (const { onError } of [...this.listeners]) onError?.(error);
  }
  /** Tells whether the value may have a write already whose answer is on its way. */
  get isHeld() {
    return this.#layers.some((layer) => layer.isUncertain && layer.patches.has(this.key));
  }
  /** Computes what subscribers see, and tells them if it changed. `advances` shows a value that was held back, too. */
  show(advances = true) {
    if (advances) this.#shown = this.#base;
    if (!this.#shown) return;
    let { value } = this.#shown;
    const made = [this.#shown];
    for (const { isDone, cursor, patches } of this.#layers) {
      if (advances && isDone && cursor !== void 0 && this.cursor !== void 0 && this.cursor >= cursor) patches.delete(this.key);
      const patch = patches.get(this.key);
      try {
        if (!patch) continue;
        value = patch(value);
        made.push(patch);
      } catch {
        patches.delete(this.key);
      }
    }
    if (made.length === this.#made.length && made.every((it, at) => it === this.#made[at])) return;
    this.#made = made;
    this.value = value;
    for (const listener of [...this.listeners]) listener.onValue(value);
  }
  #answered() {
    this.isCurrent = true;
    if (!this.#isAnswer) return;
    this.#isAnswer = false;
    for (const layer of this.#asked.splice(0)) layer.patches.delete(this.key);
  }
};

// src/shard.ts
var IDLE_MS = 5e3;
var HOLD_MS = 1e3;
var AGAIN_MS = 1e3;
var keyOf = (path, args) => `${path}::${stableKey(args)}`;
var Shard = class {
  #env;
  #name;
  #queries = /* @__PURE__ */ new Map();
  #topics = /* @__PURE__ */ new Map();
  #layers = [];
  #connection;
  #next = 1;
  #idle;
  #hold;
  #subject;
  constructor(env, name) {
    this.#env = env;
    this.#name = name;
  }
  /** Returns the state of the socket; `undefined` if nothing uses it. */
  get state() {
    if (!this.#connection || this.#isIdle) return void 0;
    const { isOpen, attempts } = this.#connection;
    if (isOpen && [...this.#queries.values()].every(({ isCurrent }) => isCurrent)) return "live";
    return !isOpen && attempts > 1 ? "offline" : "connecting";
  }
  get #isIdle() {
    return this.#queries.size + this.#topics.size === 0;
  }
  /** Returns the position of the newest live value. */
  get baseSeq() {
    const cursors = [...this.#queries.values()].flatMap(({ cursor }) => cursor ?? []);
    return cursors.length > 0 ? Math.max(...cursors) : void 0;
  }
  subscribe(path, args, given) {
    const listener = Object.create(given);
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
      if (known.value !== void 0) listener.onValue(known.value);
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
      }
    };
  }
  /** Joins a topic; returns what leaves it. */
  join(topic, hearer) {
    const hearers = this.#topics.get(topic) ?? /* @__PURE__ */ new Set();
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
  whisper(topic, data) {
    this.#connection?.send({ type: "whisper", topic, data: encode(data) });
  }
  /** Shows what a write will do. */
  layer(describe) {
    const layer = { patches: /* @__PURE__ */ new Map(), isUncertain: false, isDone: false, cursor: void 0 };
    describe({
      get: (path, args = {}) => this.#queries.get(keyOf(path, args))?.value,
      update: (path, args, change) => {
        const key = keyOf(path, args);
        const first = layer.patches.get(key);
        layer.patches.set(key, first ? (value) => change(first(value)) : change);
      }
    });
    for (const old of [...this.#layers]) if (old.isDone && old.patches.size === 0) this.#remove(old);
    this.#layers.push(layer);
    this.#show(layer, false);
    return layer;
  }
  /** Ends a layer: at once if the write was refused, else with the live value that has the write. */
  settle(layer, commitCursor, isRefused = false) {
    layer.isUncertain = false;
    layer.isDone = true;
    layer.cursor = commitCursor;
    if (isRefused) this.#remove(layer);
    this.#show(layer);
    for (const key of layer.patches.keys()) if (isRefused || !this.#queries.has(key)) layer.patches.delete(key);
    if (layer.patches.size === 0) return this.#remove(layer);
    this.#env.clock.setTimeout(() => {
      for (const key of layer.patches.keys()) {
        const query = this.#queries.get(key);
        if (query) this.#connection?.send(query.subscribe());
      }
    }, AGAIN_MS);
  }
  hurry() {
    this.#connection?.hurry();
  }
  /** Reconnects as another user. */
  restart() {
    this.#connection?.restart();
  }
  close() {
    this.#env.clock.clearTimeout(this.#idle);
    this.#connection?.close();
    this.#connection = void 0;
  }
  #remove(layer) {
    const at = this.#layers.indexOf(layer);
    if (at >= 0) this.#layers.splice(at, 1);
  }
  #show(layer, advances = true) {
    for (const key of [...layer.patches.keys()]) this.#queries.get(key)?.show(advances);
  }
  #connect() {
    this.#env.clock.clearTimeout(this.#idle);
    if (!this.#env.WebSocket) {
      throw new LunoraError({ code: "WEBSOCKET_UNAVAILABLE", message: "pass the option `WebSocket`" });
    }
    return this.#connection ??= new Connection(this.#env, this.#name, this);
  }
  #closeIfIdle() {
    this.#env.changed();
    if (!this.#isIdle) return;
    this.#idle = this.#env.clock.setTimeout(() => {
      this.close();
      this.#env.changed();
    }, IDLE_MS);
  }
  opened() {
    const { changes, clientId } = this.#env;
    this.#connection?.send({ type: "connect", id: "connect", clientId: clientId(), caps: changes?.caps });
    this.#queries.forEach((query) => query.isCurrent = false);
    this.#subscribeAgain();
  }
  heard(frame) {
    const { id } = frame;
    const query = [...this.#queries.values()].find((it) => it.id === id);
    frame = (query && this.#env.changes?.take(frame, query)) ?? frame;
    const { type } = frame;
    if (type === "ack") query?.acknowledged();
    else if (type === "data" || type === "resume" || type === "settled") {
      query?.receive(type, frame);
      if (query?.isHeld) {
        this.#hold ??= this.#env.clock.setTimeout(() => this.#showAll(), HOLD_MS);
      } else query?.show();
    } else if (type === "identity") this.#identified(frame["subject"]);
    else if (type === "whisper") this.#whispered(frame);
    else if (type === "error") {
      const error = toError({ ...frame, ...frame["error"] });
      if (query) {
        query.fail(error);
        query.show();
      } else if (id === void 0 && error.code === "TOO_MANY_REQUESTS") this.#env.clock.setTimeout(() => this.#subscribeAgain(), AGAIN_MS);
      else if (id === void 0) this.#env.report(error);
    }
    this.#env.changed();
  }
  #showAll() {
    this.#hold = void 0;
    this.#queries.forEach((query) => query.show());
  }
  /** Subscribes what the shard has not answered. */
  #subscribeAgain() {
    this.#queries.forEach((query) => query.isCurrent || this.#connection?.send(query.subscribe()));
    for (const [topic, hearers] of this.#topics) {
      this.#connection?.send({ type: "whisper_subscribe", topic });
      for (const { joined } of hearers) joined?.();
    }
  }
  #identified(subject) {
    if (this.#subject !== void 0 && this.#subject !== subject) {
      for (const query of this.#queries.values()) {
        query.forget();
        this.#connection?.send(query.subscribe());
      }
    }
    this.#subject = subject;
    this.#env.identified(subject);
  }
  #whispered({ topic, data, from = null }) {
    let value;
    try {
      value = decode(data);
    } catch {
      return;
    }
    for (const { hear } of [...this.#topics.get(topic) ?? []]) hear({ data: value, from });
  }
  /** Calls a query over HTTP, which says why the socket is refused and renews a rejected token. */
  async refused() {
    const [query] = this.#queries.values();
    if (!query) return void 0;
    try {
      await this.#env.http.call(query.path, query.args, { kind: "query", shard: this.#name });
    } catch (error) {
      if (!(error instanceof LunoraError) || error.isTransient) return void 0;
      if (isAuthError(error)) return error;
      this.blocked(error);
    }
    return void 0;
  }
  blocked(error) {
    this.#queries.forEach((query) => query.fail(error));
    if (this.#queries.size === 0) this.#env.report(error);
  }
};

// src/storage.ts
var MemoryStorage = class {
  #writes = /* @__PURE__ */ new Map();
  async list() {
    return [...this.#writes.values()];
  }
  async put(write) {
    this.#writes.set(write.id, write);
  }
  async delete(id) {
    this.#writes.delete(id);
  }
};
var STORE = "writes";
var IndexedDbStorage = class {
  name;
  #database;
  #tabs;
  constructor(name) {
    this.name = name;
    this.#tabs = new BroadcastChannel(name);
    this.#database = new Promise((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    this.#database.catch(() => {
    });
  }
  list() {
    return this.#run("readonly", (writes) => writes.getAll());
  }
  watch(heard) {
    this.#tabs.onmessage = ({ data }) => heard(data);
  }
  put(write) {
    return this.#run("readwrite", (writes) => writes.put(write));
  }
  delete(id) {
    return this.#run("readwrite", (writes) => writes.delete(id), id);
  }
  async #run(mode, work, removed) {
    const transaction = (await this.#database).transaction(STORE, mode);
    const request = work(transaction.objectStore(STORE));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => {
        if (mode === "readwrite") this.#tabs.postMessage(removed);
        resolve(request.result);
      };
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  }
};

// src/client.ts
var { navigator: device, document: page } = globalThis;
var scope = device?.onLine === void 0 ? void 0 : globalThis;
var WAKERS = [[scope, "online"], [scope, "offline"], [page, "visibilitychange"]];
var LunoraClient = class {
  #options;
  #credentials;
  #http;
  #env;
  #outbox;
  #shards = /* @__PURE__ */ new Map();
  #stateListeners = /* @__PURE__ */ new Set();
  #writeListeners = /* @__PURE__ */ new Set();
  #subject;
  #state = "live";
  #isClosed = false;
  constructor(options) {
    this.#options = { ...options };
    const url = options.url.replace(/\/+$/, "");
    const clock = options.clock ?? systemClock;
    const credentials = this.#credentials = new Credentials(options.token ?? null);
    const http = this.#http = new Http(url, options.fetch, credentials, clock, options.timeoutMs ?? 3e4);
    const name = `lunora-outbox:${url}`;
    this.#env = {
      http,
      clock,
      credentials,
      changes: options.changes,
      clientId: () => this.clientId,
      WebSocket: options.WebSocket ?? globalThis.WebSocket,
      isOnline: () => device?.onLine !== false,
      report: (error) => options.onError?.(error),
      changed: () => this.#changed(),
      identified: (subject) => {
        this.#subject = subject;
        void this.#outbox.flush();
      }
    };
    const storage = options.storage ?? (globalThis.indexedDB ? new IndexedDbStorage(name) : new MemoryStorage());
    this.#outbox = new Outbox({
      clock,
      storage,
      name: storage.name ?? name,
      locks: options.locks ?? device?.locks,
      send: (write) => this.#send(write.path, write.args, write.id, write),
      check: (write) => this.#check(write),
      tell: (event) => this.#writeListeners.forEach((listener) => listener(event))
    });
    for (const [target, event] of WAKERS) target?.addEventListener(event, this.#hurry);
    void this.#outbox.flush();
  }
  /** Identifies this client among those of one user. */
  get clientId() {
    return this.#options.clientId ??= randomId();
  }
  /** Tells whether what subscribers see is current: `live` if no live query waits for its shard. */
  get state() {
    if (this.#isClosed) return "closed";
    if (!this.#env.isOnline()) return "offline";
    const states = [...this.#shards.values()].map(({ state }) => state);
    return ["offline", "connecting"].find((state) => states.includes(state)) ?? "live";
  }
  /** Calls `listener` with each new state; returns what ends that. */
  onState(listener) {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }
  /** Calls `listener` with what happens to queued writes; returns what ends that. */
  onWrite(listener) {
    this.#writeListeners.add(listener);
    return () => this.#writeListeners.delete(listener);
  }
  query(path, args = {}, options = {}) {
    return this.#run(path, args, { ...options, kind: "query" });
  }
  action(path, args = {}, options = {}) {
    return this.#run(path, args, { ...options, kind: "action" });
  }
  async mutation(path, args = {}, options = {}) {
    const { id = randomId(), shard: name, optimistic, offline } = options;
    const { clientId } = this;
    const wire = encode(args);
    const shard = this.#shard(name);
    const layer = optimistic && shard.layer(optimistic);
    const sending = () => {
      if (layer) layer.isUncertain = true;
    };
    let answer;
    try {
      if (offline) {
        answer = await this.#outbox.add({ id, path, args: wire, shard: name, clientId, subject: this.#knownSubject() }, sending);
      } else {
        await this.#outbox.settled(name);
        sending();
        answer = await this.#send(path, wire, id, { ...options, clientId });
      }
    } catch (error) {
      if (layer) shard.settle(layer, void 0, true);
      throw error;
    }
    if (layer) shard.settle(layer, answer.commitCursor);
    return decode(answer.result);
  }
  /** Runs a query on every shard of `fanOut.table` and merges the answers; `failed` shards are missing in `data`. */
  queryShards(path, args, fanOut, options = {}) {
    return this.#run(path, args, { ...options, fanOut, kind: "query" });
  }
  /** Sends at most 500 calls in one request. The calls of one shard run one after another. */
  batch(calls, options = {}) {
    return this.#http.batch(calls, this.clientId, options);
  }
  subscribe(path, args, { shard }, listener) {
    return this.#shard(shard).subscribe(path, args, listener);
  }
  /** Returns a topic of a shard. */
  topic(shard, name) {
    const of = this.#shard(shard);
    return { name, listen: (hear, joined) => of.join(name, { hear, joined }), send: (data) => of.whisper(name, data) };
  }
  /** Returns the writes that wait to be sent, those of other tabs included, in their order. */
  pendingWrites() {
    return this.#outbox.pending();
  }
  /** Removes a write that waits; its promise rejects with `DISCARDED`. It may have been applied. */
  discardWrite(id) {
    return this.#outbox.discard(id);
  }
  /** Sends waiting writes and reconnects at once, without the rest of any delay. */
  retryNow() {
    this.#shards.forEach((shard) => shard.hurry());
    void this.#outbox.flush();
  }
  /** Signs in another user, or signs out with `null`. To renew a token, pass a function as `token` instead. */
  setToken(token) {
    this.#credentials.set(token);
    this.#subject = void 0;
    this.#shards.forEach((shard) => shard.restart());
    this.#outbox.disown();
    void this.#outbox.flush();
  }
  /** Closes all sockets. Queued writes stay in their storage. */
  close() {
    this.#isClosed = true;
    for (const [target, event] of WAKERS) target?.removeEventListener(event, this.#hurry);
    this.#outbox.close();
    this.#shards.forEach((shard) => shard.close());
    this.#changed();
  }
  #hurry = () => {
    if (!page?.hidden && this.#env.isOnline()) this.retryNow();
    this.#changed();
  };
  #shard(name) {
    let shard = this.#shards.get(name);
    if (!shard) this.#shards.set(name, shard = new Shard(this.#env, name));
    return shard;
  }
  async #run(path, args, request) {
    const answer = await this.#http.call(path, encode(args), request);
    return decode(request.fanOut ? answer : answer.result);
  }
  #send(path, args, mutationId, options) {
    return this.#http.call(path, args, { ...options, mutationId, baseSeq: this.#shard(options.shard).baseSeq, kind: "mutation" });
  }
  #knownSubject() {
    const { subject } = this.#options;
    return subject ? subject() : this.#subject;
  }
  async #check({ subject }) {
    if (subject != null && this.#options.token !== void 0 && await this.#credentials.get() === null) return "UNAUTHORIZED";
    const known = this.#knownSubject();
    return subject === void 0 || known === void 0 || known === subject ? void 0 : "IDENTITY_MISMATCH";
  }
  #changed() {
    const { state } = this;
    if (state === this.#state) return;
    this.#state = state;
    this.#stateListeners.forEach((listener) => listener(state));
  }
};
export {
  IndexedDbStorage,
  LunoraClient,
  LunoraError,
  MemoryStorage,
  decode,
  encode
};
