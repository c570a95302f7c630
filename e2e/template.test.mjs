// The template, made into an application by `cargo xtask test`, as it runs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Miniflare } from "miniflare";
import { workerOptions } from "./worker.mjs";

const APP = new URL("../target/template/made-from-template", import.meta.url).pathname;

let mf;
before(() => {
  mf = new Miniflare({ ...workerOptions(APP), handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) });
});
after(() => mf.dispose());

async function rpc(functionPath, args, shardKey = "__root__") {
  const body = JSON.stringify({ functionPath, args, shardKey });
  const response = await mf.dispatchFetch("http://template.test/_lunora/rpc", { method: "POST", body });
  return { status: response.status, ...(await response.json()) };
}
const titles = async (shardKey) => (await rpc("tasks:list", {}, shardKey)).result.map(({ title }) => title);

test("the page is served with its files", async () => {
  const get = async (path) => {
    const response = await mf.dispatchFetch(`http://template.test${path}`);
    assert.equal(response.status, 200, path);
    return [response.headers.get("content-type"), await response.text()];
  };
  const [type, page] = await get("/");
  assert.equal(type, "text/html; charset=utf-8");
  assert.match(page, /<h1>made-from-template<\/h1>/);
  const files = Array.from(page.matchAll(/(?:src|href)="([^"]*)"/g), ([, path]) => path);
  assert.deepEqual(files, ["/style.css", "/app.js"]);
  assert.deepEqual((await Promise.all(files.map(get))).map(([type]) => type), [
    "text/css; charset=utf-8",
    "text/javascript; charset=utf-8",
  ]);
});

test("a task is added to its list, and read back", async () => {
  const added = await rpc("tasks:add", { title: " bread " }, "groceries");
  assert.equal(added.status, 200, JSON.stringify(added));
  assert.deepEqual(await titles("groceries"), ["bread"]);
  assert.deepEqual(await titles("chores"), []);
});

test("arguments are checked", async () => {
  const refused = await rpc("tasks:add", { title: " " }, "groceries");
  assert.deepEqual([refused.status, refused.error.code], [400, "VALIDATION_ERROR"]);
});

test("a query across the lists adds up their tasks", async () => {
  const call = {
    functionPath: "__lunora_relation__:tasks",
    args: { table: "tasks" },
    fanOut: { table: "tasks", merge: { kind: "sum" } },
  };
  const across = async () => {
    const response = await mf.dispatchFetch("http://template.test/_lunora/rpc", { method: "POST", body: JSON.stringify(call) });
    const { data, failed } = await response.json();
    assert.equal(failed, 0);
    return data;
  };
  const before = await across();
  for (const list of ["one", "two"]) await rpc("tasks:add", { title: "bread" }, list);
  assert.equal(await across(), before + 2);
});

test("the trigger of wrangler.jsonc empties the default list", async () => {
  await rpc("tasks:add", { title: "done" });
  assert.deepEqual(await titles(), ["done"]);
  const worker = await mf.getWorker();
  assert.equal((await worker.scheduled({ cron: "0 3 * * *" })).outcome, "ok");
  assert.deepEqual(await titles(), []);
});
