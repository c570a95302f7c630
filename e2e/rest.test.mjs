// Functions behind plain HTTP, over SQLite Durable Objects.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Miniflare } from "miniflare";
import { workerOptions } from "./worker.mjs";

const DRILL = new URL("drill", import.meta.url).pathname;
let mf;
before(() => {
  mf = new Miniflare({ ...workerOptions(DRILL), handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) });
});
after(() => mf.dispose());

async function ask(method, path, { body, headers } = {}) {
  const response = await mf.dispatchFetch(`http://rest.test${path}`, {
    method, headers: { ...(body && { "content-type": "application/json" }), ...headers }, body: body && JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: response.headers.get("content-type") === "application/json" && text !== "" ? JSON.parse(text) : undefined };
}

test("a function answers at its route, with its arguments from path, query and body", async () => {
  const added = await ask("POST", "/folders/blue%2F%C3%BC/notes", { body: { count: 2, bytes: 0, label: "note" } });
  assert.deepEqual([added.status, added.json], [200, 2]);
  const { json } = await ask("GET", "/folders/blue%2F%C3%BC/notes");
  assert.deepEqual(json.map(({ text, folder }) => [text, folder]), [["note 0 ", "blue/ü"], ["note 1 ", "blue/ü"]]);
  assert.equal((await ask("DELETE", `/folders/blue%2F%C3%BC/notes/${json[0]._id}`)).json, true);
  assert.equal((await ask("GET", "/folders/blue%2F%C3%BC/notes")).json.length, 1);
  // Without a shard in the path it is in the query, or the default one.
  assert.equal((await ask("POST", "/users?shardKey=staff", { body: { name: "Ada" } })).json.name, "Ada");
});

test("errors are those of calls, with their status and code", async () => {
  const bad = await ask("POST", "/folders/red/notes", { body: { count: "many", bytes: 0, label: "x" } });
  assert.deepEqual([bad.status, bad.json.error.code], [400, "VALIDATION_ERROR"]);
  const list = await ask("POST", "/folders/red/notes", { body: [1] });
  assert.deepEqual([list.status, list.json.error.code], [400, "BAD_REQUEST"]);
  assert.equal((await ask("GET", "/folders/red")).status, 404);
  const wrong = await ask("PUT", "/folders/red/notes");
  assert.deepEqual([wrong.status, wrong.headers.get("allow")], [405, "GET, HEAD, POST"]);
});

test("answers are cached as the route says, and privately where the request has a user", async () => {
  const cache = async (headers) => (await ask("GET", "/folders/red/notes", { headers })).headers;
  assert.deepEqual([(await cache()).get("cache-control"), (await cache()).get("vary")], ["public, max-age=30", "authorization, cookie"]);
  assert.equal((await cache({ authorization: "Bearer x" })).get("cache-control"), "private, max-age=30");
  assert.equal((await cache({ cookie: "a=b" })).get("cache-control"), "private, max-age=30");
  assert.equal((await ask("GET", "/echo/5")).headers.get("cache-control"), "no-store");
  const head = await ask("HEAD", "/folders/red/notes");
  assert.deepEqual([head.status, head.text], [200, ""]);
});

test("a page of another origin cannot write with the cookies of a user", async () => {
  const headers = { cookie: "session=1", origin: "https://evil.test", "sec-fetch-site": "cross-site" };
  const refused = await ask("POST", "/folders/red/notes", { headers, body: { count: 1, bytes: 0, label: "x" } });
  assert.deepEqual([refused.status, refused.json.error.code], [403, "FORBIDDEN_ORIGIN"]);
});
