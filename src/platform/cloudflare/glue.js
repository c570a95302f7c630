import { waitUntil } from "cloudflare:workers";

export const utf8 = new TextEncoder();

// Every value crosses between wasm and JavaScript once: a head as one string, a body as one array.

/**
 * How to resume what runs in an instance of the wasm module. What waits for a promise remembers the
 * instance it belongs to: its numbers mean nothing to the next one.
 */
let instance;
export function bind(value, bytes, head, text, answers, drain, lost, aborted) {
  instance = { value, bytes, head, text, answers, drain, lost, aborted, tasks: new Map(), pending: new Map() };
}

/**
 * Finds what was pending when the runtime dropped an invocation, which it does without a word: the
 * client left, or the time was up. Nothing but the runtime holds a `Pending`.
 */
const dropped = new FinalizationRegistry(({ owner, slot, entry }) => {
  if (owner !== instance || owner.pending.get(slot) !== entry) return;
  owner.pending.delete(slot);
  owner.lost(slot);
});

/** A slot that the runtime is to settle, unless it is abandoned before. `stop` ends the wait for it. */
export class Pending {
  #owner = instance;
  #slot;
  #entry;

  constructor(slot, stop) {
    this.#slot = slot;
    this.#entry = { stop };
    this.#owner.pending.set(slot, this.#entry);
    dropped.register(this, { owner: this.#owner, slot, entry: this.#entry }, this.#entry);
  }

  #settle(how, ...args) {
    if (this.#owner.pending.get(this.#slot) !== this.#entry) return;
    this.#owner.pending.delete(this.#slot);
    dropped.unregister(this.#entry);
    how(this.#slot, ...args);
  }

  value = (value) => this.#settle(this.#owner.value, true, value);
  failed = (error) => this.#settle(this.#owner.value, false, error);
  bytes = (bytes) => this.#settle(this.#owner.bytes, bytes);
  head = (response) => this.#settle(this.#owner.head, responseHead(response), response);
  answers = (heads, bytes) => this.#settle(this.#owner.answers, heads, bytes);
  failure = (head, error) => this.#settle(this.#owner.head, head, error);
  answer = (answer) => {
    if (typeof answer === "string") this.#settle(this.#owner.text, answer);
    else this.head(answer);
  };
}

/** Settles a slot as `promise` is. */
export function watch(promise, slot) {
  const { value } = instance;
  promise.then((it) => value(slot, true, it), (error) => value(slot, false, error));
}

/** The slot has no waiter any more. Returns whether it will not be settled either. */
export function abandon(slot) {
  const { pending } = instance;
  const entry = pending.get(slot);
  if (entry === undefined) return false;
  pending.delete(slot);
  dropped.unregister(entry);
  try {
    entry.stop?.();
  } catch {
    // It belongs to an invocation that is over.
  }
  return true;
}

/** The environment and the shards for which wasm makes plans, once it does. */
let planned;
/** The request that wasm is asked a plan for. */
let asking;

/** What wasm answered it with. */
let answer;

export function planFor(env, namespace) {
  planned = { env, namespace };
}

export const environment = () => planned.env;

export function answered(it) {
  answer = it;
}

function taken() {
  const it = answer;
  answer = undefined;
  return it;
}

/** Calls up to this length are read at once: a longer one costs more to copy than a plan saves. */
const LONGEST_CALL = 65536;

const PATH = "/_lunora/rpc";
export const SHARD_RPC = "https://shard.internal/rpc";

/** The head of a call of moderate length to the endpoint of calls, in the known environment. */
function headOfCall(request, env) {
  if (env !== planned?.env || request.method !== "POST") return undefined;
  const { url, headers } = request;
  const path = url.indexOf("/", 8);
  if (!url.startsWith(PATH, path)) return undefined;
  const end = path + PATH.length;
  if (end !== url.length && url[end] !== "?") return undefined;
  const length = headers.get("content-length");
  if (length === null || Number(length) > LONGEST_CALL) return undefined;
  return `POST\n${url}${pack(headers)}`;
}

/**
 * Answers a request. `wasm` has the exports, `respond` runs a function that calls one of them, in a
 * living instance: its promise never rejects.
 *
 * A call of one shard enters wasm once, for the plan. It is carried out here, so that nothing in wasm
 * waits for it, and its answer gets the headers that an equal answer got before. No array is made on
 * the way: the memory of one costs the runtime more than the text.
 */
async function answerRequest(wasm, respond, request, env, ctx) {
  const whole = (request) => respond(() => wasm.fetch(request, env, ctx));
  const head = headOfCall(request, env);
  if (head === undefined) return whole(request);
  let body;
  try {
    body = await request.text();
  } catch {
    // The client left; the answer is for the log.
    return whole(request);
  }
  const plan = await respond(() => {
    asking = request;
    const plan = wasm.__lunora_plan(`${head}\n\n${body}`);
    asking = undefined;
    return plan === "" ? taken() : plan;
  });
  if (plan === undefined) {
    return whole(new Request(request.url, { method: request.method, headers: request.headers, body }));
  }
  return typeof plan === "string" ? carryOut(wasm, respond, plan) : plan;
}
export const front = () => answerRequest;

async function carryOut(wasm, respond, plan) {
  let at = plan.indexOf("\n");
  const lengths = plan.slice(0, at++).split(",");
  const [facts, headers, name] = lengths.map((length) => plan.slice(at, (at += Number(length))));
  const [timeout, place, dressing, trace] = facts.split("\n");
  const [jurisdiction, hint] = place.split(",");
  const undelivered = (after, error) => respond(() => wasm.__lunora_undelivered(dressing, trace, name, after, error));
  const limit = Number(timeout);
  try {
    const stub = stubOf(planned.namespace, name, jurisdiction, hint);
    if (stub === undefined) return undelivered(undefined, "jurisdiction");
    const asked = ask(planned.namespace, stub, "POST", SHARD_RPC, headers, plan.slice(at));
    const answer = await within(asked, limit);
    if (answer === undefined) return undelivered(limit);
    return await dress(wasm, respond, dressing, answer);
  } catch (error) {
    return undelivered(undefined, error);
  }
}

/**
 * What `promise` comes to, or `undefined` after a time. The timer ends with the request, which is
 * cheaper than to end it here.
 */
function within(promise, milliseconds) {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, milliseconds);
    promise.then(resolve, reject);
  });
}

/** Heads of answers by what dressed them, and the head that they came with. */
const dressed = new Map();

/** The answer of a shard, with the headers that the Worker adds. */
async function dress(wasm, respond, dressing, answer) {
  const isText = typeof answer === "string";
  const end = isText ? answer.indexOf("\n\n") : undefined;
  const head = isText ? answer.slice(0, end) : responseHead(answer);
  const key = `${dressing}\n${head}`;
  let init = dressed.get(key);
  if (init === undefined) {
    const lines = await respond(() => wasm.__lunora_dress(dressing, head));
    // The instance died, and this is the answer to that.
    if (typeof lines !== "string") return lines;
    init = { status: Number(lines.slice(0, 3)), headers: unpack(lines.slice(4)) };
    remember(dressed, key, init);
  }
  const { status } = init;
  if (status === 101) return answer;
  if (status === 204 || status === 205 || status === 304) return new Response(null, init);
  return new Response(isText ? answer.slice(end + 2) : answer.body, init);
}

/** Namespaces whose objects are of a class of ours: they take a call by RPC, as texts. */
const speaking = new WeakSet();
export function speaksRpc(namespace) {
  speaking.add(namespace);
}

/** How the runtime says that an object has no such method, or no methods: the call did not run. */
const NO_RPC = /does not implement the method|does not support RPC/;

/**
 * Calls an object in the cheapest way that it knows. Its answer is a text (a head, an empty line, the
 * body), or a response.
 */
export async function ask(namespace, stub, method, url, headers, body) {
  if (speaking.has(namespace) && typeof body === "string" && typeof stub.__lunora_call === "function") {
    try {
      return await stub.__lunora_call(`${method}\n${url}\n${headers}`, body);
    } catch (error) {
      if (!(error instanceof TypeError && NO_RPC.test(error.message))) throw error;
      // An older version of the class, in another script.
      speaking.delete(namespace);
    }
  }
  return send(stub, method, url, headers, body);
}

export function send(stub, method, url, headers, body, signal) {
  return stub.fetch(url, { method, headers: unpack(headers), body: own(body), redirect: "manual", signal });
}

/** Settles the slot after a time. */
export function sleep(milliseconds, slot) {
  let timer;
  const pending = new Pending(slot, () => clearTimeout(timer));
  timer = setTimeout(pending.value, milliseconds);
}

/** Whether `Request.signal` tells that the client left. */
export const tellsAborts = globalThis.Cloudflare?.compatibilityFlags?.enable_request_signal === true;

/** A promise of what a task that answers `request` will end with. A client that leaves ends it. */
export function promise(task, request = asking) {
  const { tasks, aborted } = instance;
  const settlers = {};
  tasks.set(task, settlers);
  if (tellsAborts && request) {
    request.signal.addEventListener("abort", () => {
      if (tasks.get(task) !== settlers || !aborted(task)) return;
      tasks.delete(task);
      // It is never sent: it ends the work that waits for it.
      settlers.resolve(new Response(null, { status: 499 }));
    });
  }
  return new Promise((resolve, reject) => Object.assign(settlers, { resolve, reject }));
}

/** Keeps the event that is being handled alive until the task ends; a client that leaves does not end it. */
export function keepAlive(task) {
  waitUntil(promise(task, null));
}

/** Runs the task beside the events of an object. */
export function runBeside(state, task) {
  const running = promise(task, null);
  if (state.runBeside === undefined) waitUntil(running);
  else state.runBeside(running);
}

/** The task has no waiter any more. */
export function forget(task) {
  instance.tasks.delete(task);
}

export function settle(task, fulfilled, value) {
  const { tasks } = instance;
  const { resolve, reject } = tasks.get(task);
  tasks.delete(task);
  if (fulfilled) resolve(value);
  else reject(value);
}

export function schedule() {
  queueMicrotask(instance.drain);
}

/** `name:value` lines of every header. */
function pack(headers) {
  let lines = "";
  headers.forEach((value, name) => {
    lines += `\n${name}:${value}`;
  });
  return lines;
}

// Most answers of a Worker have the same headers, and so have most calls to shards: copying a `Headers`
// is one call into the runtime, filling one is a call for each.
const known = new Map();
const MOST_KNOWN = 256;
const LONGEST_KNOWN = 4096;

/**
 * The headers of packed lines, those after an empty line apart: they differ from call to call. What is
 * returned may be shared: its receiver copies it.
 */
function unpack(lines) {
  const end = lines.indexOf("\n\n");
  if (end !== -1) return append(new Headers(unpack(lines.slice(0, end))), lines.slice(end + 2));
  let headers = known.get(lines);
  if (headers !== undefined) return headers;
  headers = append(new Headers(), lines);
  remember(known, lines, headers);
  return headers;
}

function append(headers, lines) {
  if (lines === "") return headers;
  for (const line of lines.split("\n")) {
    const colon = line.indexOf(":");
    headers.append(line.slice(0, colon), line.slice(colon + 1));
  }
  return headers;
}

/** Keeps a value that can be made again. */
function remember(map, key, value) {
  if (key.length > LONGEST_KNOWN) return;
  if (map.size >= MOST_KNOWN) map.clear();
  map.set(key, value);
}

/** Wasm memory moves and is written to; what leaves it is a copy. */
const own = (body) => (body instanceof Uint8Array ? body.slice() : body);

/** `<method>\n<url>\n<name:value>...`. The body is not asked for: a stream would be made for that. */
export function requestHead(request) {
  return `${request.method}\n${request.url}${pack(request.headers)}`;
}

/** `<status>\n<name:value>...` */
export function responseHead(response) {
  return `${response.status}${pack(response.headers)}`;
}

/** A response with the body of another. */
export function remakeResponse(status, headers, response) {
  return new Response(response.body, { status, headers: unpack(headers) });
}

/** An encoded body is sent as it is; otherwise the platform encodes it as `content-encoding` says. */
export function makeResponse(status, headers, body, encoded) {
  const encodeBody = encoded ? "manual" : "automatic";
  return new Response(own(body), { status, headers: unpack(headers), encodeBody });
}

/** Every byte of a body to the slot, or `undefined` as soon as there are more than `limit`. */
export function readBody(source, limit, slot) {
  const { value, bytes, failed } = new Pending(slot);
  // A sender over HTTP is held to the length it declared, and reading at once is far cheaper.
  const declared = source.headers?.get("content-length");
  if (declared != null && Number(declared) <= limit) {
    source.arrayBuffer().then((buffer) => {
      if (buffer.byteLength > limit) value();
      else bytes(new Uint8Array(buffer));
    }, failed);
    return;
  }
  readAll(source, limit, (all) => (all === undefined ? value() : bytes(all))).catch(failed);
}

/** Gives `use` every byte of a body, or nothing if they are more than `limit`. They are valid until it returns. */
export async function readAll(source, limit, use) {
  if (source.body === null) return use(new Uint8Array(0));
  const reader = new BulkReader(source.body);
  const chunks = [];
  let length = 0;
  for (;;) {
    const chunk = await reader.next(PIECE);
    if (chunk === undefined) break;
    length += chunk.byteLength;
    if (length > limit) {
      // Not awaited: a sender that never ends must not hold the answer back.
      reader.cancel().catch(() => {});
      return use();
    }
    chunks.push(chunk);
  }
  if (chunks.length === 1) {
    use(chunks[0]);
    return reader.giveBack(chunks[0]);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  use(whole);
}

/** Most answers are shorter: they are read by one wait, into a buffer that costs little. */
const FIRST_PIECE = 8192;
const PIECE = 65536;

/** Buffers of first pieces whose bytes were copied: a new one would be filled with zeros. */
const spare = [];
const MOST_SPARE = 32;

/** Reads a body in pieces for which it waits until they are full, as far as the body allows. */
class BulkReader {
  #reader;
  #fills = false;
  #next = FIRST_PIECE;
  #ended = false;

  constructor(body) {
    try {
      this.#reader = body.getReader({ mode: "byob" });
      this.#fills = typeof this.#reader.readAtLeast === "function";
    } catch {
      // A stream of JavaScript's own making.
    }
    if (this.#fills) return;
    this.#reader?.releaseLock();
    this.#reader = body.getReader();
  }

  /** A piece of `length` bytes, and a short one first; fewer at the end, and `undefined` after it. */
  async next(length) {
    if (this.#ended) return undefined;
    if (!this.#fills) return (await this.#reader.read()).value;
    const size = Math.min(this.#next, length);
    this.#next = length;
    const buffer = (size === FIRST_PIECE && spare.pop()) || new ArrayBuffer(size);
    const { value } = await this.#reader.readAtLeast(size, new Uint8Array(buffer));
    // Only the end of the body leaves a piece short.
    this.#ended = (value?.byteLength ?? 0) < size;
    return value?.byteLength ? value : undefined;
  }

  /** Takes back the buffer of a piece that is not read any more, if it is one of its own. */
  giveBack({ buffer }) {
    if (this.#fills && buffer.byteLength === FIRST_PIECE && spare.length < MOST_SPARE) spare.push(buffer);
  }

  cancel() {
    return this.#reader.cancel();
  }
}

export const reader = (body) => body.getReader();

/** The next chunk to the slot, or `undefined` after the last. */
export function nextChunk(reader, slot) {
  const { value, bytes, failed } = new Pending(slot);
  reader.read().then((read) => (read.value === undefined ? value() : bytes(read.value)), failed);
}

/** A reader for `nextBulk`. */
export const bulkReader = (body) => new BulkReader(body);

/** About `length` bytes to the slot, fewer at the beginning and at the end; `undefined` after the last. */
export function nextBulk(reader, length, slot) {
  const { value, bytes, failed } = new Pending(slot);
  reader.next(length).then((piece) => (piece === undefined ? value() : bytes(piece)), failed);
}

export function cancel(reader) {
  try {
    reader.cancel().catch(() => {});
  } catch {
    // It belongs to an invocation that is over.
  }
}

/** The stub of the named object; `undefined` where the host has no such jurisdiction. */
export function stubOf(namespace, name, jurisdiction, hint) {
  if (jurisdiction) {
    try {
      namespace = namespace.jurisdiction(jurisdiction);
    } catch {
      return undefined;
    }
  }
  return hint ? namespace.getByName(name, { locationHint: hint }) : namespace.getByName(name);
}

/** Sends a request to the named object; the slot gets its answer, with the head. */
export function callShard(namespace, name, jurisdiction, hint, method, url, headers, body, slot) {
  // A call by RPC cannot be aborted, and what waits for it in wasm is found late if the runtime drops the
  // invocation without a signal.
  const byRpc = tellsAborts && speaking.has(namespace);
  const controller = byRpc ? undefined : new AbortController();
  const pending = new Pending(slot, () => controller?.abort());
  try {
    const stub = stubOf(namespace, name, jurisdiction, hint);
    // Not synchronously: the task does not wait for it yet.
    if (stub === undefined) return void Promise.resolve("jurisdiction").then(pending.value);
    const answer = byRpc
      ? ask(namespace, stub, method, url, headers, body)
      : send(stub, method, url, headers, body, controller.signal);
    answer.then(pending.answer, pending.failed);
  } catch (error) {
    Promise.reject(error).catch(pending.failed);
  }
}

/** Bytes as a text of Latin-1. */
function latin1(buffer) {
  const bytes = new Uint8Array(buffer);
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

/** Reads the parameters of a statement. See `sql_cells.rs`. */
function bound(params) {
  let at = params.indexOf("\n");
  return params.slice(0, at++).split(",").map((head) => {
    if (head === "") return null;
    if (head[0] !== "t" && head[0] !== "b") return Number(head);
    const text = params.slice(at, (at += Number(head.slice(1))));
    return head[0] === "t" ? text : Uint8Array.from(text, (c) => c.charCodeAt(0));
  });
}

/** What the last statement answered, until wasm has taken it. */
let found = "";

/** Runs a statement. Returns the length of what it answers, for `takeFound`. See `sql_cells.rs`. */
export function execSql(sql, query, params) {
  const cursor = params === "" ? sql.exec(query) : sql.exec(query, ...bound(params));
  const { columnNames } = cursor;
  let heads = "";
  let texts = "";
  for (const name of columnNames) {
    heads += `,t${name.length}`;
    texts += name;
  }
  for (const row of cursor.raw()) {
    for (const value of row) {
      if (typeof value === "string") {
        heads += `,t${value.length}`;
        texts += value;
      } else if (typeof value === "number") {
        heads += `,${value}`;
      } else if (value === null) {
        heads += ",";
      } else {
        heads += `,b${value.byteLength}`;
        texts += latin1(value);
      }
    }
  }
  found = `${cursor.rowsWritten},${columnNames.length}${heads}\n${texts}`;
  return found.length;
}

/** Writes what the last statement answered as UTF-8, as far as it fits, and the rest the next time. */
export function takeFound(into) {
  const { read, written } = utf8.encodeInto(found, into);
  found = found.slice(read);
  return written;
}

const ROLLBACK = Symbol("rollback");

/** Commits if `work` returns true. Gives back why the transaction failed, if it did. */
export function transactionSync(storage, work) {
  try {
    storage.transactionSync(() => {
      if (!work()) throw ROLLBACK;
    });
  } catch (error) {
    // The instance is dead; its remaining work must not continue.
    if (error instanceof WebAssembly.RuntimeError) throw error;
    if (error !== ROLLBACK) return String(error?.message ?? error);
  }
}

export function randomBytes(into) {
  crypto.getRandomValues(into);
}

/** By object: the live query that runs. A trap leaves it here, and the next instance finds it. */
const running = new Map();
/** By object: the last live queries under which an instance died. */
const crashed = new Map();
const MOST_CRASHES = 32;
/** By object: the call with an id that runs, as object and id. */
const calling = new Map();
/** How often an instance died under a call, by object and id. The first to crash is forgotten first. */
const callCrashes = new Map();
const MOST_CALLS = 1024;
let instances = 0;

/** The ids of the objects: the runtime makes the text of one anew each time. */
const ids = new WeakMap();

function idOf(state) {
  let id = ids.get(state);
  if (id === undefined) {
    id = state.id.toString();
    ids.set(state, id);
  }
  return id;
}

/** Called once by each instance that has objects. Returns whether it replaces another. */
export function startInstance() {
  const at = Date.now();
  for (const [object, query] of running) {
    const crashes = crashed.get(object) ?? [];
    crashes.push({ ...JSON.parse(query), at });
    crashed.set(object, crashes.slice(-MOST_CRASHES));
  }
  running.clear();
  for (const call of calling.values()) {
    const count = callCrashes.get(call) ?? 0;
    callCrashes.delete(call);
    callCrashes.set(call, count + 1);
    if (callCrashes.size > MOST_CALLS) callCrashes.delete(callCrashes.keys().next().value);
  }
  calling.clear();
  return ++instances > 1;
}

/** Notes that a call begins to run in an object. Returns how often an instance died under it. */
export function beginCall(state, id) {
  const object = idOf(state);
  const call = `${object}\n${id}`;
  calling.set(object, call);
  return callCrashes.get(call) ?? 0;
}

/** Notes that no call runs in an object. */
export function endCall(state) {
  calling.delete(idOf(state));
}

/** Notes which live query runs in an object, or that none does. */
export function noteRunning(state, query) {
  const object = idOf(state);
  if (query === undefined) running.delete(object);
  else running.set(object, query);
}

export const crashes = (state) => JSON.stringify(crashed.get(idOf(state)) ?? []);

/** Sends a frame, with a text in the place of its line feed. */
export function sendWith(socket, around, text) {
  const at = around.indexOf("\n");
  socket.send(around.slice(0, at) + text + around.slice(at + 1));
}

/** Sets the alarm of an object. A write of its storage is not waited for: the output gate does. */
export async function setAlarm(state, at) {
  try {
    await state.storage.setAlarm(at);
  } catch (error) {
    console.error("The alarm of an object was not set:", error);
  }
}

/** Has the object flushed once its current event has been answered, if the shim can do that. */
export function flushLater(state) {
  if (state.flushLater === undefined) return false;
  state.flushLater();
  return true;
}
