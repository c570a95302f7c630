// Keeps a panic from harming more than it must.
//
// One wasm instance serves every call of an isolate. A panic is a trap: the instance is dead, the
// futures inside it are lost, and no promise they were to settle ever settles. So `live` holds the
// reject function of every promise that only the instance can settle, and a trap fails them all.
// The next call gets a new instance, and every object is built anew in it.
import { DurableObject } from "cloudflare:workers";
import * as wasm from "./index.js";

const live = new Set();
let generation = 0;
let dead = false;
let latest;

/** What a call fails with when the instance dies under it. The log has the cause, a caller has not. */
class InstanceReset extends Error {
  constructor() {
    super("The wasm instance was reset while this call was in flight.");
  }
}

/** Called by the glue (see `glue.rs`) whenever a trap or an uncaught exception leaves wasm. */
function trapped(cause) {
  // One trap may pass several wasm frames, and come again as an error event.
  if (dead || cause === latest) return;
  dead = true;
  latest = cause;
  const calls = [...live];
  live.clear();
  console.error(`The wasm instance died and will be replaced; promises in flight that fail: ${calls.length}.`, cause);
  for (const reject of calls) reject(new InstanceReset());
}
wasm.onTrap(trapped);

// The glue sees every export but its own helpers (an allocation, a finalizer).
const noteTrap = (error) => {
  if (error instanceof WebAssembly.RuntimeError) trapped(error);
};
addEventListener("error", (event) => noteTrap(event.error));

// A promise that was collected settles nothing: the runtime dropped the invocation that waited for it.
const collected = new FinalizationRegistry((reject) => live.delete(reject));

/** The promise `f` gives, which a trap rejects. */
function track(f) {
  return new Promise((resolve, reject) => {
    live.add(reject);
    const over = () => {
      live.delete(reject);
      collected.unregister(reject);
    };
    const fail = (error) => {
      over();
      reject(error);
    };
    const succeed = (value) => {
      over();
      resolve(value);
    };
    try {
      const result = f();
      // What is there already need not be waited for.
      if (typeof result?.then === "function") {
        collected.register(result, reject, reject);
        result.then(succeed, fail);
      } else succeed(result);
    } catch (error) {
      noteTrap(error);
      fail(error);
    }
  });
}

/** Makes a new instance if the last one died. */
function revive() {
  if (!dead) return;
  wasm.__wbg_reset_state();
  dead = false;
  generation++;
}

/** Runs `f`, which calls into wasm, in a living instance. */
export function call(f) {
  return track(() => {
    revive();
    return f();
  });
}

/**
 * As `call`, for an HTTP request: what fails is answered, and says nothing of why.
 *
 * The answer is plain on purpose. A client that replays writes takes an error with a code for the
 * last word on that write, and a plain 500 for a reason to try again: the write is not lost.
 */
export function respond(f) {
  return call(f).then(undefined, failed);
}

// What the edge sets on data by default; a test of the library compares the two. CORS headers and
// HSTS need the settings of the application, which are lost with the instance.
const SECURITY_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

function failed(error) {
  if (!(error instanceof InstanceReset)) console.error("The request failed:", error);
  const headers = { "content-type": "text/plain; charset=utf-8", ...SECURITY_HEADERS };
  return new Response("Internal Server Error", { status: 500, headers });
}

const observed = new WeakSet();

/**
 * Makes a trap fail what was handed to `ctx.waitUntil`, instead of leaving it pending. Once for all
 * contexts of a kind: a method of its own for each would cost each request.
 */
export function observe(ctx) {
  const kind = Object.getPrototypeOf(ctx);
  if (!observed.has(kind)) {
    observed.add(kind);
    const { waitUntil } = kind;
    kind.waitUntil = function (promise) {
      return waitUntil.call(this, track(() => promise));
    };
  }
  return ctx;
}

/** Makes a trap fail the promises these methods give: a stream's pending `pull`, say. */
export function trackMethods(Class, names) {
  for (const name of names) {
    const method = Class.prototype[name];
    Class.prototype[name] = function (...args) {
      return track(() => method.apply(this, args));
    };
  }
}

// A promise rejected from another request's context is handed over to its own context, when the event
// loop next polls. A Worker in this isolate that waits for an object here must get its own rejection
// before the object's: with nothing left to wait for, the runtime would cancel it as hung.
const HANDOVER_MS = 10;

/**
 * A durable object class around `Class`, a wasm class, with those of its methods. `version` is that of its
 * schema, if the build knows it.
 */
export function object(Class, names, version) {
  const flushes = names.includes("__flush");

  class Contained extends DurableObject {
    #object;
    #generation;
    #ready;
    #gates;
    #handover;

    constructor(ctx, env) {
      super(observe(ctx), env);
      const { storage, blockConcurrencyWhile } = ctx;
      const { transaction } = storage;
      // A callback that never ends would block the object, or keep its transaction open.
      ctx.blockConcurrencyWhile = (f) => {
        const gate = blockConcurrencyWhile.call(ctx, () => track(f));
        this.#gates?.push(gate);
        return gate;
      };
      storage.transaction = (f, ...rest) => transaction.call(storage, (txn) => track(() => f(txn)), ...rest);
      // What a commit leaves to be sent is sent after its answer: a crash there fails no write.
      if (flushes) {
        ctx.flushLater = () => setTimeout(() => invoke(this, "__flush", []).catch(() => {}), 0);
        // No call waits for it.
        ctx.runBeside = (promise) => void track(() => promise).catch((error) => this.#failed(error));
      }
    }

    // The wasm object is not made in the constructor: a panic there must fail a call, not the sockets.
    async #build() {
      // In workerd a timer that comes due while `blockConcurrencyWhile` waits for a later timer blocks
      // the object for 30 seconds. So ours has to be over.
      await this.#handover;
      const gates = (this.#gates = []);
      try {
        this.#object = new Class(this.ctx, this.env);
        if (version !== undefined) this.#object.__schema_is(version);
      } finally {
        this.#gates = undefined;
      }
      // The runtime holds back other events while an initialization runs, but not the one that began it.
      await Promise.all(gates);
    }

    #living() {
      if (this.#generation === generation) return this.#ready;
      this.#generation = generation;
      const ready = this.#build();
      const settle = (built) => {
        if (this.#ready !== ready) return;
        this.#ready = undefined;
        if (!built) this.#generation = undefined;
      };
      ready.then(() => settle(true), () => settle(false));
      return (this.#ready = ready);
    }

    static async invoke(self, name, args) {
      try {
        return await call(() => {
          const ready = self.#living();
          return ready ? ready.then(() => self.#object[name](...args)) : self.#object[name](...args);
        });
      } catch (error) {
        await self.#failed(error);
        throw error;
      }
    }

    async #failed(error) {
      if (!(error instanceof InstanceReset)) return;
      await (this.#handover ??= scheduler.wait(HANDOVER_MS).finally(() => (this.#handover = undefined)));
      // What the dead instance had to send is sent by the next one.
      if (flushes && this.ctx.getWebSockets().length > 0) this.ctx.flushLater();
    }
  }

  const { invoke } = Contained;
  for (const name of names) {
    Contained.prototype[name] = function (...args) {
      return invoke(this, name, args);
    };
  }
  return Contained;
}
