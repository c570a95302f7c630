import { own, unpack } from "./heads.js";
import { Pending, tellsAborts } from "./tasks.js";

// Calls of Durable Objects.

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
