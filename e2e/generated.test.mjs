// An application whose entry is generated, as it runs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Miniflare } from "miniflare";
import { workerOptions } from "./worker.mjs";

const ORIGIN = "http://generated.test";
const TOKEN = "an-admin-token-for-the-generated-example";

let mf;
before(() => {
  const options = workerOptions(new URL("../examples/generated", import.meta.url).pathname);
  options.bindings = { ...options.bindings, LUNORA_ADMIN_TOKEN: TOKEN };
  mf = new Miniflare({ ...options, handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) });
});
after(() => mf.dispose());

async function post(path, body, token) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const response = await mf.dispatchFetch(ORIGIN + path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
  return { status: response.status, ...(await response.json()) };
}
const rpc = (functionPath, args, shardKey, token = "ada") => post("/_lunora/rpc", { functionPath, args, shardKey }, token);
const texts = async (shardKey) => (await rpc("notes:list", {}, shardKey)).result.map(({ text }) => text);

test("functions that the manifest names are called, each in its shard", async () => {
  const added = await rpc("notes:add", { text: "hello" }, "letters");
  assert.equal(added.status, 200, JSON.stringify(added));
  assert.deepEqual([added.result.author, added.result.folder], ["ada", "letters"]);
  assert.deepEqual(await texts("letters"), ["hello"]);
  assert.deepEqual(await texts("drafts"), []);
});

test("the hooks that the manifest names decide", async () => {
  const refused = await post("/_lunora/rpc", { functionPath: "notes:list", args: {}, shardKey: "letters" });
  assert.deepEqual([refused.status, refused.error.code], [403, "FORBIDDEN_SHARD"]);
});

test("what is internal is for the server alone", async () => {
  const refused = await rpc("notes:sweep", { keep: 0 }, "letters");
  assert.ok(refused.status >= 400, JSON.stringify(refused));
  assert.deepEqual(await texts("letters"), ["hello"]);
});

test("a cron job calls its function, with its arguments, on each shard of its table", async () => {
  for (const text of ["one", "two", "three", "four"]) await rpc("notes:add", { text }, "inbox");
  for (const text of ["a", "b", "c"]) await rpc("notes:add", { text }, "outbox");
  const worker = await mf.getWorker();
  assert.equal((await worker.scheduled({ cron: "0 * * * *" })).outcome, "ok");
  assert.deepEqual(await texts("inbox"), ["four", "three"]);
  assert.deepEqual(await texts("outbox"), ["c", "b"]);
});

test("the backup of the manifest runs by its trigger", async () => {
  const worker = await mf.getWorker();
  assert.equal((await worker.scheduled({ cron: "0 3 * * *" })).outcome, "ok");
  const { snapshots } = await post("/_lunora/admin/backup/list", undefined, TOKEN);
  assert.equal(snapshots.length, 1);
  const { ok, rows } = await post("/_lunora/admin/backup/verify", { id: snapshots[0].id }, TOKEN);
  assert.deepEqual([ok, rows], [true, 5]);
});

test("a function of the manifest answers plain HTTP at its route", async () => {
  const ask = async (headers) => {
    const response = await mf.dispatchFetch(`${ORIGIN}/folders/letters/notes`, { headers });
    return [response.status, response.headers.get("cache-control"), await response.json()];
  };
  const [status, cache, notes] = await ask({ authorization: "Bearer ada" });
  assert.deepEqual([status, cache, notes.map(({ text }) => text)], [200, "private, max-age=10", ["hello"]]);
  assert.equal((await ask({}))[0], 403);
});

test("the page for operators is served", async () => {
  const response = await mf.dispatchFetch(`${ORIGIN}/_lunora/admin`);
  assert.deepEqual([response.status, response.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
  await response.text();
});

test("operators see the functions that clients may call, and need the token", async () => {
  const { functions } = await post("/_lunora/admin/functions", undefined, TOKEN);
  assert.deepEqual(functions.map(({ path }) => path).sort(), ["notes:add", "notes:list"]);
  assert.equal((await post("/_lunora/admin/functions")).status, 403);
});
