import { waitUntil } from "cloudflare:workers";
import { responseHead } from "./heads.js";

// Tasks of wasm that wait for the runtime, and what waits for them.

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

/** Settles the slot after a time. */
export function sleep(milliseconds, slot) {
  let timer;
  const pending = new Pending(slot, () => clearTimeout(timer));
  timer = setTimeout(pending.value, milliseconds);
}

/** The request that wasm is asked about: a task that begins meanwhile answers it. */
let asking;

/** Asks wasm about a request. */
export function about(request, ask) {
  asking = request;
  try {
    return ask();
  } finally {
    asking = undefined;
  }
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
