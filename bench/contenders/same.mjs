// (a) The same job by hand: the request is read and decided, its shard is asked with headers of the
// Worker's own, and the answer gets the headers of a secure edge.
import { fanOut, ofShards, socket } from "./forward.mjs";

const TOKEN = "Bearer a-token-for-benchmarks";
const TRUSTED = "https://app.example.com";
const FORWARDED = ["authorization", "cookie", "x-d1-bookmark", "x-lunora-mutation-id", "x-lunora-client-id"];
const IDENTITY = { "x-lunora-userid": "bench", "x-lunora-identity": btoa(JSON.stringify({ userId: "bench" })) };
const SECURITY = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};
const MAX_BODY = 1_048_576;

const refuse = (status, code, message) =>
  Response.json({ error: { code, message } }, { status, headers: SECURITY });

/** Whether the request may be served: its size, its origin, its token. */
function refused(request) {
  const { headers } = request;
  if (Number(headers.get("content-length") ?? 0) > MAX_BODY) return refuse(413, "PAYLOAD_TOO_LARGE", "too large");
  const origin = headers.get("origin");
  if (origin !== null && origin !== TRUSTED && origin !== new URL(request.url).origin) {
    return refuse(403, "FORBIDDEN_ORIGIN", "the origin is not trusted");
  }
  if (headers.get("authorization") !== TOKEN) return refuse(401, "UNAUTHORIZED", "the token is not valid");
}

/** The headers of the call: those that pass, and what the Worker knows. */
function outbound(request) {
  const headers = { "content-type": "application/json", ...IDENTITY };
  for (const name of FORWARDED) {
    const value = request.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  const ip = request.headers.get("cf-connecting-ip");
  if (ip !== null) headers["x-lunora-client-ip"] = ip;
  headers["x-lunora-origin"] = new URL(request.url).origin;
  return headers;
}

/** The answer of a shard, with the headers of the edge. */
function dressed(request, response, shard) {
  const headers = new Headers(response.headers);
  for (const name in SECURITY) if (!headers.has(name)) headers.set(name, SECURITY[name]);
  if (shard !== undefined) headers.set("x-lunora-shard-key", shard);
  headers.append("vary", "origin");
  if (request.headers.get("origin") === TRUSTED) {
    headers.set("access-control-allow-origin", TRUSTED);
    headers.set("access-control-allow-credentials", "true");
  }
  return new Response(response.body, { status: response.status, headers });
}

/** Asks a shard by `fetch`. */
const byFetch = (shard, headers, body) => shard.fetch("https://shard.internal/rpc", { method: "POST", headers, body });

async function rpc(request, env, ask) {
  const no = refused(request);
  if (no) return no;
  let envelope;
  try {
    envelope = JSON.parse(await request.text());
  } catch {
    return refuse(400, "BAD_REQUEST", "the body is not JSON");
  }
  const { functionPath, args = {}, shardKey = "default", fanOut: across } = envelope;
  if (typeof functionPath !== "string" || typeof shardKey !== "string" || shardKey.length > 1024) {
    return refuse(400, "BAD_REQUEST", "the call is malformed");
  }
  if (across) return dressed(request, await fanOut(envelope, env, outbound(request)));
  const response = await ask(env.SHARD.getByName(shardKey), outbound(request), JSON.stringify({ functionPath, args }));
  return dressed(request, response, shardKey);
}

async function batch(request, env) {
  const no = refused(request);
  if (no) return no;
  const { calls } = await request.json();
  return dressed(request, await ofShards(calls, env, outbound(request)));
}

/** The Worker. `ask(shard, headers, body)` calls a shard and returns its response, or its parts. */
export const worker = (ask = byFetch) => ({
  fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/_lunora/rpc" && request.method === "POST") return rpc(request, env, ask);
    if (pathname === "/_lunora/rpc-batch" && request.method === "POST") return batch(request, env);
    if (pathname === "/_lunora/ws") return refused(request) ?? socket(request, env);
    return refuse(404, "NOT_FOUND", "no such path");
  },
});

export default worker();
