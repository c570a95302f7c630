import { pack, remember, responseHead, unpack } from "./heads.js";
import { ask, send, stubOf } from "./objects.js";
import { about } from "./tasks.js";

// The front of a Worker: calls of one shard and upgrades, which are carried out here.

/** The environment and the shards for which wasm makes plans, once it does. */
let planned;

/** What wasm answered a request with, instead of a plan. */
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
const LONGEST_CALL = 131072;

/** The paths of which plans are made, by the method. */
const PATHS = { POST: "/_lunora/rpc", GET: "/_lunora/ws" };

/** The head of a call of moderate length, or of an upgrade, in the known environment. */
function headOfPlanned(request, env) {
  if (env !== planned?.env) return undefined;
  const { method, url, headers } = request;
  const path = PATHS[method];
  const begin = url.indexOf("/", 8);
  if (path === undefined || !url.startsWith(path, begin)) return undefined;
  const end = begin + path.length;
  if (end !== url.length && url[end] !== "?") return undefined;
  if (method === "POST") {
    const length = headers.get("content-length");
    if (length === null || Number(length) > LONGEST_CALL) return undefined;
  }
  return `${method}\n${url}${pack(headers)}`;
}

/**
 * Answers a request. `wasm` has the exports, `respond` runs a function that calls one of them, in a
 * living instance: its promise never rejects.
 *
 * A call of one shard, or an upgrade, enters wasm once, for the plan. It is carried out here, so that
 * nothing in wasm waits for it, and its answer gets the headers that an equal answer got before. No
 * array is made on the way: the memory of one costs the runtime more than the text.
 */
async function answerRequest(wasm, respond, request, env, ctx) {
  const whole = (request) => respond(() => wasm.fetch(request, env, ctx));
  const head = headOfPlanned(request, env);
  if (head === undefined) return whole(request);
  const isCall = head.startsWith("POST");
  let body = "";
  if (isCall) {
    try {
      body = await request.text();
    } catch {
      // The client left; the answer is for the log.
      return whole(request);
    }
  }
  const plan = await respond(() => {
    const plan = about(request, () => wasm.__lunora_plan(`${head}\n\n${body}`));
    return plan === "" ? taken() : plan;
  });
  if (plan === undefined) {
    if (!isCall) return whole(request);
    return whole(new Request(request.url, { method: request.method, headers: request.headers, body }));
  }
  return typeof plan === "string" ? carryOut(wasm, respond, plan, isCall ? undefined : request.url) : plan;
}
export const front = () => answerRequest;

const SHARD_RPC = "https://shard.internal/rpc";

/** Sends what a plan says: a call, or the upgrade of a URL. */
async function carryOut(wasm, respond, plan, upgrade) {
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
    const asked =
      upgrade === undefined
        ? ask(planned.namespace, stub, "POST", SHARD_RPC, headers, plan.slice(at))
        : send(stub, "GET", upgrade, headers);
    const answer = await within(asked, limit);
    if (answer === undefined) return undelivered(limit);
    // The very object holds the socket.
    if (answer.status === 101) return answer;
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
  if (status === 204 || status === 205 || status === 304) return new Response(null, init);
  return new Response(isText ? answer.slice(end + 2) : answer.body, init);
}
