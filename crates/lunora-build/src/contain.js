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

/** Called by the glue (see `glue.rs`) whenever a trap or an uncaught exception leaves wasm. */
function trapped(cause) {
  // One trap may pass several wasm frames, and come again as an error event.
  if (dead || cause === latest) return;
  dead = true;
  latest = cause;
  const calls = [...live];
  live.clear();
  console.error(`The wasm instance died and will be replaced; calls in flight that fail: ${calls.length}.`, cause);
  for (const reject of calls) reject(new Error("The wasm instance was reset while this call was in flight."));
}
wasm.onTrap(trapped);

// The glue sees every export but its own helpers (an allocation, a finalizer).
const noteTrap = (error) => {
  if (error instanceof WebAssembly.RuntimeError) trapped(error);
};
addEventListener("error", (event) => noteTrap(event.error));

/** The promise `f` gives, which a trap rejects. */
function track(f) {
  return new Promise((resolve, reject) => {
    live.add(reject);
    const fail = (error) => {
      live.delete(reject);
      reject(error);
    };
    try {
      Promise.resolve(f()).then((value) => {
        live.delete(reject);
        resolve(value);
      }, fail);
    } catch (error) {
      noteTrap(error);
      fail(error);
    }
  });
}

/** Runs `f`, which calls into wasm, in a living instance. */
export function call(f) {
  return track(() => {
    if (dead) {
      wasm.__wbg_reset_state();
      dead = false;
      generation++;
    }
    return f();
  });
}

const INTERNAL = JSON.stringify({ error: { code: "INTERNAL", message: "Internal error" } });

/** As `call`, for an HTTP request: what fails is answered, and says nothing of why. */
export async function respond(f) {
  try {
    return await call(f);
  } catch (error) {
    console.error("The request failed:", error);
    const headers = { "content-type": "application/json", "cache-control": "no-store" };
    return new Response(INTERNAL, { status: 500, headers });
  }
}

/** Makes a trap fail what was handed to `ctx.waitUntil`, instead of leaving it pending. */
export function observe(ctx) {
  const { waitUntil } = ctx;
  ctx.waitUntil = (promise) => waitUntil.call(ctx, track(() => promise));
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

/** A durable object class around `Class`, a wasm class, with those of its methods. */
export function object(Class, names) {
  class Contained extends DurableObject {
    #object;
    #generation;
    #gates;

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
    }

    static invoke(self, name, args) {
      return call(() => {
        if (self.#generation === generation) return self.#object[name](...args);
        // Not in the constructor: one that panics must fail a call, not the object's sockets.
        const gates = (self.#gates = []);
        try {
          self.#object = new Class(self.ctx, self.env);
        } finally {
          self.#gates = undefined;
        }
        self.#generation = generation;
        // The runtime holds back other events while a constructor's initialization runs, not this one.
        if (gates.length === 0) return self.#object[name](...args);
        return Promise.all(gates).then(() => self.#object[name](...args));
      });
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
