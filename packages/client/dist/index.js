// src/clock.ts
var systemClock = {
  now: () => Date.now(),
  random: () => Math.random(),
  setTimeout: (work, ms) => setTimeout(work, ms),
  clearTimeout: (timer) => clearTimeout(timer)
};

// src/errors.ts
var RETRYABLE = /* @__PURE__ */ new Set(["RATE_LIMITED", "TOO_MANY_REQUESTS", "SHARD_ERROR", "SHARD_UNAVAILABLE"]);
var AUTH = /* @__PURE__ */ new Set(["UNAUTHORIZED", "TOKEN_EXPIRED"]);
var LunoraError = class extends Error {
  name = "LunoraError";
  /** Identifies the kind of the failure, such as `FORBIDDEN` or `NETWORK_ERROR`. */
  code;
  /** Holds the HTTP status; 0 if no answer came, or if the error came over a socket. */
  status;
  /** Holds what the function attached to its error, decoded. */
  data;
  /** Says how to fix the cause. */
  hint;
  /** Links to the documentation of the code. */
  docsUrl;
  /** Tells whether the same request may succeed later: no coded answer came, or one that asks to retry. */
  isTransient;
  constructor(body, status = 0, isTransient = RETRYABLE.has(body.code)) {
    super(body.message ?? body.code);
    this.code = body.code;
    this.status = status;
    this.data = body.data;
    this.hint = body.hint;
    this.docsUrl = body.docsUrl;
    this.isTransient = isTransient;
  }
};
var isAuthError = (error) => error instanceof LunoraError && AUTH.has(error.code);

// src/codec.ts
var TAG = "$lunora.wire$";
var MAX_DEPTH = 64;
var MAX_DIGITS = 1024;
var ARRAYS = [
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array
];
var invalid = (message) => {
  throw new LunoraError({ code: "WIRE_INVALID", message }, 0, false);
};
var checkDepth = (depth) => {
  if (depth > MAX_DEPTH) invalid(`invalid value: expected at most ${MAX_DEPTH} levels`);
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
    if (typeof text === "string" && toBase64(bytes) === text) return bytes;
  } catch {
  }
  return invalid("invalid bytes: expected canonical base64");
}
var setField = (object, key, value) => {
  if (key === "__proto__") Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
  else object[key] = value;
};
function mapFields(fields, each) {
  const mapped = {};
  for (const [key, value] of Object.entries(fields)) {
    if (value !== void 0) setField(mapped, key, each(value));
  }
  return mapped;
}
function encode(value, depth = 0) {
  checkDepth(depth);
  const inner = (it) => encode(it, depth + 1);
  switch (typeof value) {
    case "undefined":
      return [TAG, "undefined"];
    case "bigint": {
      const digits = `${value}`;
      return digits.length > MAX_DIGITS ? invalid(`invalid bigint: expected at most ${MAX_DIGITS} characters`) : [TAG, "bigint", digits];
    }
    case "number":
      if (Number.isFinite(value)) return value;
      return [TAG, Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf"];
    case "string":
    case "boolean":
      return value;
    case "object":
      break;
    default:
      return invalid(`invalid value: a ${typeof value} cannot be sent`);
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
  if (prototype !== null && prototype !== Object.prototype) invalid("invalid value: an instance of a class cannot be sent");
  return mapFields(value, inner);
}
function decode(json, depth = 0) {
  checkDepth(depth);
  const inner = (it) => decode(it, depth + 1);
  if (typeof json !== "object" || json === null) return json;
  if (!Array.isArray(json)) {
    const object = {};
    for (const [key, value] of Object.entries(json)) setField(object, key, inner(value));
    return object;
  }
  if (json[0] !== TAG) return json.map(inner);
  const [, tag, payload, extra] = json;
  const list = () => Array.isArray(payload) ? payload : invalid(`invalid ${tag}: expected an array`);
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
      if (typeof payload !== "string" || payload.length > MAX_DIGITS || !/^-?\d+$/.test(payload)) return invalid("invalid bigint: expected digits");
      return BigInt(payload);
    case "date": {
      const time = inner(payload);
      return typeof time === "number" ? new Date(time) : invalid("invalid date: expected a number");
    }
    case "url":
      return typeof payload === "string" && URL.canParse(payload) ? new URL(payload) : invalid("invalid url: expected an absolute URL");
    case "map":
      return new Map(list().map((entry) => {
        if (!Array.isArray(entry) || entry.length !== 2) return invalid("invalid map: expected pairs");
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
      if (bytes.length % array.BYTES_PER_ELEMENT !== 0) return invalid(`invalid bytes: expected whole elements of ${array.name}`);
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
  if (typeof name !== "string" || typeof message !== "string" || typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    return invalid("invalid error: expected a name, a message and fields");
  }
  const cause = json.length > 5 ? inner(json[5]) : void 0;
  const error = new Error(message, cause === void 0 ? void 0 : { cause });
  const define = (key, value, enumerable) => {
    Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true });
  };
  for (const [key, value] of Object.entries(fields)) define(key, inner(value), true);
  define("name", name, false);
  return error;
}
function stableKey(value) {
  const write = (json) => {
    if (Object.is(json, -0)) return "-0";
    if (typeof json !== "object" || json === null) return JSON.stringify(json);
    if (Array.isArray(json)) return `[${json.map(write).join()}]`;
    const fields = json;
    return `{${Object.keys(fields).sort().map((key) => `${JSON.stringify(key)}:${write(fields[key])}`).join()}}`;
  };
  return write(encode(value));
}

// src/credentials.ts
var Credentials = class {
  /** Counts the calls of `set`. */
  generation = 0;
  #source;
  #asking;
  constructor(source) {
    this.#source = source;
  }
  set(source) {
    this.#source = source;
    this.#asking = void 0;
    this.generation++;
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
var COUNTED = 1e3;
function retryAfter(headers, now) {
  const text = headers.get("retry-after");
  if (!text) return void 0;
  const ms = /^\d+$/.test(text) ? Number(text) * COUNTED : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : void 0;
}
function toError(body, status = 0, retryAfterMs) {
  let data;
  try {
    if ("data" in body) data = decode(body.data);
  } catch {
  }
  if (retryAfterMs !== void 0 && (data === void 0 || typeof data === "object" && data !== null && !("retryAfterMs" in data))) {
    data = { ...data, retryAfterMs };
  }
  return new LunoraError({ ...body, code: body.code ?? "INTERNAL", data }, status);
}
var failure = (code, message, status = 0) => new LunoraError({ code, message }, status, true);
var Http = class {
  url;
  clock;
  #fetch;
  #credentials;
  #timeoutMs;
  #now;
  #bookmark = null;
  constructor(url, fetch, credentials, clock, timeoutMs) {
    this.url = url;
    this.#fetch = fetch;
    this.#credentials = credentials;
    this.clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#now = () => clock.now();
  }
  /** Calls one function, and returns its answer without decoding it. */
  call(path, args, request) {
    const headers = {};
    if (request.mutationId !== void 0) headers["x-lunora-mutation-id"] = request.mutationId;
    if (request.clientId !== void 0) headers["x-lunora-client-id"] = request.clientId;
    if (request.baseSeq !== void 0) headers["x-lunora-base-seq"] = `${request.baseSeq}`;
    if (request.subject !== void 0) headers["x-lunora-expect-subject"] = toBase64Url(JSON.stringify({ subject: request.subject }));
    const { shard: shardKey, fanOut } = request;
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
        ...mutationId !== void 0 && { mutationId, clientId }
      }))
    };
    const { results } = await this.#post("/_lunora/rpc-batch", body, {}, { ...options, kind: "action" });
    return calls.map((_, id) => {
      const slot = results?.find((it) => `${it.id}` === `${id}`);
      if (slot?.body?.error) return { ok: false, error: toError(slot.body.error, slot.status) };
      if (!slot?.body) return { ok: false, error: failure("INTERNAL", "the answer of the batch lacks this call", slot?.status) };
      return { ok: true, value: decode(slot.body.result) };
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
    let stop;
    let timer;
    const stopped = new Promise((_, reject) => {
      const end = (reason) => {
        reject(reason);
        control.abort(reason);
      };
      stop = () => end(signal?.reason);
      signal?.addEventListener("abort", stop);
      timer = this.clock.setTimeout(() => end(failure("DEADLINE_EXCEEDED", `no answer within ${timeoutMs} ms`)), timeoutMs);
    });
    try {
      return await Promise.race([work(control.signal), stopped]);
    } finally {
      signal?.removeEventListener("abort", stop);
      this.clock.clearTimeout(timer);
    }
  }
  async #send(path, body, headers, token, { kind }, signal) {
    const all = { "content-type": "application/json", ...headers };
    if (token !== null) all["authorization"] = `Bearer ${token}`;
    if (kind !== "mutation" && this.#bookmark !== null) all["x-d1-bookmark"] = this.#bookmark;
    let response;
    let answer;
    try {
      response = await this.#fetch(this.url + path, { method: "POST", headers: all, body, signal });
      const text = await response.text();
      try {
        answer = JSON.parse(text);
      } catch {
        answer = void 0;
      }
    } catch (error2) {
      if (signal.aborted) throw signal.reason;
      throw failure("NETWORK_ERROR", error2 instanceof Error ? error2.message : "the request failed");
    }
    const error = answer?.error;
    if (!response.ok && typeof error === "object" && error !== null) {
      throw toError(error, response.status, retryAfter(response.headers, this.#now()));
    }
    if (!response.ok || typeof answer !== "object" || answer === null) {
      throw failure("INTERNAL", `the answer is not that of a Lunora deployment: status ${response.status}`, response.status);
    }
    if (kind !== "query") this.#bookmark = response.headers.get("x-d1-bookmark") ?? this.#bookmark;
    return answer;
  }
};

// src/client.ts
var LunoraClient = class {
  /** Identifies this client among those of one user. */
  clientId;
  #credentials;
  #http;
  constructor(options) {
    this.clientId = options.clientId ?? crypto.randomUUID();
    this.#credentials = new Credentials(options.token ?? null);
    const fetch = options.fetch ?? ((...args) => globalThis.fetch(...args));
    this.#http = new Http(options.url.replace(/\/+$/, ""), fetch, this.#credentials, options.clock ?? systemClock, options.timeoutMs ?? 3e4);
  }
  /** Runs a query once. */
  async query(path, args = {}, options = {}) {
    return decode((await this.#http.call(path, encode(args), { ...options, kind: "query" })).result);
  }
  /** Runs an action. */
  async action(path, args = {}, options = {}) {
    return decode((await this.#http.call(path, encode(args), { ...options, kind: "action" })).result);
  }
  /** Runs a query on every shard of `fanOut.table` and merges the answers; `failed` shards are missing in `data`. */
  async queryShards(path, args, fanOut, options = {}) {
    return decode(await this.#http.call(path, encode(args), { ...options, fanOut, kind: "query" }));
  }
  /** Sends at most 500 calls in one request. The calls of one shard run one after another. */
  batch(calls, options = {}) {
    return this.#http.batch(calls, this.clientId, options);
  }
};
export {
  LunoraClient,
  LunoraError,
  decode,
  encode,
  stableKey
};
